//! The one error of the crate: what was wrong, where, and what to do.

/// The case an error belongs to; its [`Code::as_str`] is the `code` that JavaScript sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// The network uses an operator, or an attribute of one, that the engine does not have.
    UnsupportedOp,
    /// The model file is damaged, incomplete, or contradicts itself.
    BadModel,
    /// The picture cannot be decoded, or is too large, or has the wrong shape.
    BadImage,
    /// An argument of a call is missing, of the wrong kind, or out of range.
    BadArgument,
    /// WebGPU was asked for and there is no adapter.
    NoWebgpu,
    /// The GPU device went away.
    DeviceLost,
    /// A tensor does not fit the device or the memory that is left.
    OutOfMemory,
    /// The caller's `AbortSignal` was raised.
    Aborted,
    /// A defect of this crate.
    Internal,
}

impl Code {
    /// The code's name as JavaScript sees it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UnsupportedOp => "unsupported_op",
            Self::BadModel => "bad_model",
            Self::BadImage => "bad_image",
            Self::BadArgument => "bad_argument",
            Self::NoWebgpu => "no_webgpu",
            Self::DeviceLost => "device_lost",
            Self::OutOfMemory => "out_of_memory",
            Self::Aborted => "aborted",
            Self::Internal => "internal",
        }
    }
}

/// What went wrong: a code for programs, a sentence for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    /// The case.
    pub code: Code,
    /// What was wrong, where, and what to do.
    pub message: String,
}

/// The crate's result.
pub type Result<T> = std::result::Result<T, Error>;

macro_rules! constructors {
    ($($(#[$doc:meta])* $name:ident => $code:ident),* $(,)?) => {
        impl Error {
            $($(#[$doc])*
            #[must_use]
            pub fn $name(message: impl Into<String>) -> Self {
                Self { code: Code::$code, message: message.into() }
            })*
        }
    };
}

constructors! {
    /// An [`Code::UnsupportedOp`] error.
    unsupported_op => UnsupportedOp,
    /// A [`Code::BadModel`] error.
    bad_model => BadModel,
    /// A [`Code::BadImage`] error.
    bad_image => BadImage,
    /// A [`Code::BadArgument`] error.
    bad_argument => BadArgument,
    /// A [`Code::NoWebgpu`] error.
    no_webgpu => NoWebgpu,
    /// A [`Code::DeviceLost`] error.
    device_lost => DeviceLost,
    /// An [`Code::OutOfMemory`] error.
    out_of_memory => OutOfMemory,
    /// An [`Code::Aborted`] error.
    aborted => Aborted,
    /// An [`Code::Internal`] error.
    internal => Internal,
}
