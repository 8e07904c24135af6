//! Bytes to graphs.
