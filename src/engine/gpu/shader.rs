//! The shaders by name. Each stands in a file beside its operator; the only thing added to WGSL is a line
//! `#import name`, which stands for the file `ops/shared/name.wgsl`.

macro_rules! table {
    ($($name:literal in $folder:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../../ops/", $folder, "/", $name, ".wgsl")))),*]
    };
}

/// (name, text).
type Table = &'static [(&'static str, &'static str)];

const SHADERS: Table = table![
    "conv2d" in "conv2d",
    "conv2d_pack" in "conv2d",
];

const SHARED: Table = table![
    "activation" in "shared",
];

fn find(table: Table, name: &str) -> Option<&'static str> {
    table
        .iter()
        .find(|(key, _)| *key == name)
        .map(|(_, text)| *text)
}

/// The text of a shader with its imports in place.
#[must_use]
pub fn source(name: &str) -> Option<String> {
    let mut text = String::new();
    for line in find(SHADERS, name)?.lines() {
        match line.strip_prefix("#import ") {
            Some(import) => text.push_str(find(SHARED, import.trim())?),
            None => text.push_str(line),
        }
        text.push('\n');
    }
    Some(text)
}

/// Every shader as (name, text), for whoever wants to compile them all.
#[must_use]
pub fn all_shaders() -> Vec<(&'static str, String)> {
    SHADERS
        .iter()
        .filter_map(|(name, _)| source(name).map(|text| (*name, text)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{SHADERS, all_shaders};

    #[test]
    fn every_import_exists() {
        assert_eq!(
            all_shaders().len(),
            SHADERS.len(),
            "a shader imports what is not there"
        );
    }

    #[test]
    fn every_shader_parses_and_validates() {
        for (name, text) in all_shaders() {
            let module = naga::front::wgsl::parse_str(&text)
                .unwrap_or_else(|error| panic!("{name}: {}", error.emit_to_string(&text)));
            naga::valid::Validator::new(
                naga::valid::ValidationFlags::all(),
                naga::valid::Capabilities::empty(),
            )
            .validate(&module)
            .unwrap_or_else(|error| panic!("{name}: {}", error.emit_to_string(&text)));
        }
    }

    /// naga accepts a barrier in control flow that is not uniform, browsers do not; the classic slip is an early return.
    #[test]
    fn no_shader_returns_from_main_above_a_barrier() {
        for (name, text) in all_shaders() {
            let Some(main) = text.find("fn main(") else {
                panic!("{name} has no main");
            };
            if let Some(barrier) = text.rfind("workgroupBarrier()") {
                assert!(
                    barrier < main || !text[main..barrier].contains("return"),
                    "{name} returns above a barrier"
                );
            }
        }
    }

    #[test]
    fn every_shader_says_what_it_computes() {
        for (name, text) in all_shaders() {
            assert!(text.starts_with("// "), "{name} has no header line");
        }
    }
}
