//! Pooling as dispatches.

use super::Window;
use crate::error::Result;
use crate::ops::kernel::{Binding, Kernel, word};
use crate::tensor::Shape;

/// Dispatches of [`super::MaxPool2d`].
pub fn max(window: &Window, x: Shape, output: Shape) -> Result<Vec<Kernel>> {
    let bindings = vec![Binding::Input(0), Binding::Output];
    Ok(vec![pool(
        "max_pool", bindings, window, x, output, output, 0,
    )])
}

/// Dispatches of [`super::MaxPool2dArgmax`].
pub fn argmax(window: &Window, x: Shape, output: Shape) -> Result<Vec<Kernel>> {
    let bindings = vec![Binding::Input(0), Binding::Output];
    Ok(vec![pool(
        "max_pool", bindings, window, x, output, output, 1,
    )])
}

/// Dispatches of [`super::MaxPool2dInputGrad`].
pub fn max_input_grad(window: &Window, dy: Shape, output: Shape) -> Result<Vec<Kernel>> {
    let bindings = vec![Binding::Input(0), Binding::Input(1), Binding::Output];
    Ok(vec![pool(
        "max_pool_grad",
        bindings,
        window,
        output,
        dy,
        output,
        0,
    )])
}

/// Dispatches of [`super::AvgPool2d`].
pub fn average(
    window: &Window,
    count_include_pad: bool,
    x: Shape,
    output: Shape,
) -> Result<Vec<Kernel>> {
    let bindings = vec![Binding::Input(0), Binding::Output];
    let flag = u32::from(count_include_pad);
    Ok(vec![pool(
        "avg_pool", bindings, window, x, output, output, flag,
    )])
}

/// Dispatches of [`super::AvgPool2dInputGrad`].
pub fn average_input_grad(
    window: &Window,
    count_include_pad: bool,
    dy: Shape,
    output: Shape,
) -> Result<Vec<Kernel>> {
    let bindings = vec![Binding::Input(0), Binding::Output];
    let flag = u32::from(count_include_pad);
    Ok(vec![pool(
        "avg_pool_grad",
        bindings,
        window,
        output,
        dy,
        output,
        flag,
    )])
}

/// One invocation a value of `written`; `x` is the pooling's input, `y` its output.
fn pool(
    shader: &'static str,
    bindings: Vec<Binding>,
    window: &Window,
    x: Shape,
    y: Shape,
    written: Shape,
    flag: u32,
) -> Kernel {
    let [k_h, k_w] = window.kernel;
    let [s_h, s_w] = window.stride;
    let padding = window.padding;
    let rows = [x.h(), y.h(), k_h, s_h, padding.top, padding.bottom, 0, 0];
    let columns = [x.w(), y.w(), k_w, s_w, padding.left, padding.right, 0, 0];
    let mut params: Vec<u32> = rows.into_iter().chain(columns).map(word).collect();
    params.extend([word(written.len()), flag]);
    Kernel::linear(shader, bindings, params, written.len()).with_cost(4 * y.len() * k_h * k_w)
}
