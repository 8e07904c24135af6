//! Categories that classes are gathered into, so that an answer of 1000 classes can be held against a person's of 16.

use std::collections::BTreeMap;

use crate::error::{Error, Result};

/// Class indices by category; see the file's own `source`.
const SIXTEEN: &str = include_str!("sixteen_categories.json");

/// Classes of a network that has these categories by default.
const IMAGENET_CLASSES: usize = 1000;

/// Classes that count as one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Category {
    /// Its name.
    pub name: String,
    /// Indices of its classes.
    pub classes: Vec<usize>,
}

/// Which categories are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// The sixteen for a network of 1000 classes, each class for itself for any other.
    Default,
    /// Geirhos et al.'s sixteen over ImageNet's 1000 classes.
    Sixteen,
    /// Each class is a category.
    Classes,
    /// Given ones.
    Own(Vec<Category>),
}

impl Which {
    /// The categories of a network whose classes are `labels`.
    ///
    /// # Errors
    /// `bad_argument` if they do not fit the network: a class that it does not have, one that stands in two categories, a
    /// category without classes, fewer than two categories, or the sixteen for another number of classes than 1000.
    pub fn of(&self, labels: &[String]) -> Result<Vec<Category>> {
        match self {
            Self::Default if labels.len() == IMAGENET_CLASSES => sixteen(),
            Self::Default | Self::Classes => Ok(of_classes(labels)),
            Self::Sixteen if labels.len() == IMAGENET_CLASSES => sixteen(),
            Self::Sixteen => Err(Error::bad_argument(format!(
                "categories: the sixteen are made of ImageNet's 1000 classes, this network has {}; take \"classes\", or give {{ name: [class, …] }}",
                labels.len()
            ))),
            Self::Own(categories) => {
                check(categories, labels.len())?;
                Ok(categories.clone())
            }
        }
    }
}

/// Geirhos et al.'s sixteen, in the order of the alphabet.
fn sixteen() -> Result<Vec<Category>> {
    let damaged = |error: serde_json::Error| Error::internal(format!("categories: {error}"));
    let mut file: BTreeMap<String, serde_json::Value> =
        serde_json::from_str(SIXTEEN).map_err(damaged)?;
    file.remove("source");
    file.into_iter()
        .map(|(name, classes)| {
            let classes = serde_json::from_value(classes).map_err(damaged)?;
            Ok(Category { name, classes })
        })
        .collect()
}

/// A category for each class; of classes with one name, those after the first are numbered.
fn of_classes(labels: &[String]) -> Vec<Category> {
    let name = |class: usize| {
        let label = &labels[class];
        if labels[..class].contains(label) {
            format!("{label} ({class})")
        } else {
            label.clone()
        }
    };
    (0..labels.len())
        .map(|class| Category {
            name: name(class),
            classes: vec![class],
        })
        .collect()
}

fn check(categories: &[Category], classes: usize) -> Result<()> {
    if categories.len() < 2 {
        return Err(Error::bad_argument(
            "categories: at least two are needed for a conflict",
        ));
    }
    let mut owner: Vec<Option<&str>> = vec![None; classes];
    for Category { name, classes: own } in categories {
        if own.is_empty() {
            return Err(Error::bad_argument(format!(
                "categories: '{name}' has no classes"
            )));
        }
        for &class in own {
            let place = owner.get_mut(class).ok_or_else(|| {
                Error::bad_argument(format!(
                    "categories: '{name}' has class {class}, but this network's classes go from 0 to {}",
                    classes.saturating_sub(1)
                ))
            })?;
            if let Some(other) = place.replace(name) {
                return Err(Error::bad_argument(format!(
                    "categories: class {class} stands in '{other}' and in '{name}'; each class belongs to one"
                )));
            }
        }
    }
    Ok(())
}

/// The place of a category by its name, whatever the case.
///
/// # Errors
/// `bad_argument` with the names there are.
pub fn find(categories: &[Category], name: &str) -> Result<usize> {
    categories
        .iter()
        .position(|category| category.name.eq_ignore_ascii_case(name))
        .ok_or_else(|| {
            let names: Vec<&str> = categories
                .iter()
                .take(20)
                .map(|category| category.name.as_str())
                .collect();
            Error::bad_argument(format!(
                "there is no category '{name}'; there are {}{}",
                names.join(", "),
                if categories.len() > 20 { ", …" } else { "" }
            ))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(count: usize) -> Vec<String> {
        (0..count).map(|class| format!("class {class}")).collect()
    }

    #[test]
    fn the_sixteen_are_those_of_the_paper_and_share_no_class() {
        let sixteen = Which::Default.of(&labels(1000)).unwrap();
        let names: Vec<&str> = sixteen.iter().map(|each| each.name.as_str()).collect();
        let expected = "airplane bear bicycle bird boat bottle car cat chair clock dog elephant keyboard knife oven truck";
        assert_eq!(names.join(" "), expected);
        check(&sixteen, 1000).unwrap();
        let at = |name: &str| sixteen[find(&sixteen, name).unwrap()].classes.clone();
        assert_eq!(at("Cat"), [281, 282, 283, 284, 285, 286]);
        assert_eq!(at("elephant"), [385, 386]);
        assert_eq!((at("dog").len(), at("bird").len()), (109, 49));
    }

    #[test]
    fn another_network_s_classes_are_its_categories() {
        let labels = ["coat", "bag", "coat"].map(str::to_owned);
        let categories = Which::Default.of(&labels).unwrap();
        let names: Vec<&str> = categories.iter().map(|each| each.name.as_str()).collect();
        assert_eq!(names, ["coat", "bag", "coat (2)"]);
        assert_eq!(categories[2].classes, [2]);
    }

    #[test]
    fn categories_that_do_not_fit_are_refused_with_the_reason() {
        let own = |list: &[(&str, &[usize])]| {
            let category = |&(name, classes): &(&str, &[usize])| Category {
                name: name.to_owned(),
                classes: classes.to_vec(),
            };
            Which::Own(list.iter().map(category).collect())
        };
        let cases = [
            (own(&[("a", &[0])]), "two"),
            (own(&[("a", &[0]), ("b", &[])]), "'b' has no classes"),
            (own(&[("a", &[0]), ("b", &[3])]), "class 3"),
            (own(&[("a", &[0, 1]), ("b", &[1])]), "in 'a' and in 'b'"),
            (Which::Sixteen, "1000"),
        ];
        for (which, word) in cases {
            let error = which.of(&labels(3)).unwrap_err();
            assert_eq!(error.code.as_str(), "bad_argument");
            assert!(error.message.contains(word), "{}", error.message);
        }
        let error = find(&of_classes(&labels(3)), "zebra").unwrap_err();
        assert!(error.message.contains("class 1"), "{}", error.message);
    }
}
