//! The name of the cell, and the places that are named after it.

use ha_json::Error;

/// The root of every cell's name, and a directory of the machine that uses DFS.
pub(crate) const GLOBAL_ROOT: &str = "/...";

/// Short for the cell's file space.
pub(crate) const FILE_SPACE: &str = "/:";

/// Short for the cell.
pub(crate) const CELL_ROOT: &str = "/.:";

/// A cell's name without `/.../`, such as `abc.com` or `C=US/O=ABC`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cell(String);

impl Cell {
    /// The cell of that name, with `/.../` before it or not.
    pub(crate) fn named(name: &str) -> Option<Cell> {
        let name = name.strip_prefix("/.../").unwrap_or(name);
        name.split('/').all(is_component).then(|| Cell(name.to_owned()))
    }

    /// Where `/.:` leads.
    pub(crate) fn root(&self) -> String {
        format!("{GLOBAL_ROOT}/{}", self.0)
    }

    /// Where `/:` leads.
    pub(crate) fn file_space(&self, junction: &str) -> String {
        format!("{GLOBAL_ROOT}/{}/{junction}", self.0)
    }
}

/// A name that stands between two slashes.
pub(crate) fn is_component(name: &str) -> bool {
    !matches!(name, "" | "." | ".." | "...") && !name.contains(['/', '\0', '\n'])
}

/// The cell that DCE's own configuration file (dce_cf.db) names. A line is a tag and a value; what
/// is none is passed over, as DCE does.
pub(crate) fn of_configuration(content: &[u8]) -> Option<Cell> {
    let text = String::from_utf8_lossy(content);
    text.lines().find_map(|line| {
        let mut words = line.split_whitespace();
        (words.next() == Some("cellname")).then(|| words.next().and_then(Cell::named)).flatten()
    })
}

/// The cell: as asked for, else as DCE's configuration names it.
///
/// # Errors
/// Usage, where the two differ: the links would lead to a cell that is not this node's.
pub(crate) fn agreed(
    asked: Option<&Cell>,
    configured: Option<&Cell>,
    file: &str,
) -> Result<Option<Cell>, Error> {
    match (asked, configured) {
        (Some(asked), Some(configured)) if asked != configured => {
            Err(Error::usage("--cell", format!("is {}, and {file} says {}", asked.0, configured.0)))
        }
        (asked, configured) => Ok(asked.or(configured).cloned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(name: &str) -> Cell {
        Cell::named(name).unwrap()
    }

    #[test]
    fn a_cell_is_named_with_its_root_or_without() {
        assert_eq!(cell("/.../abc.com"), cell("abc.com"));
        assert_eq!(cell("C=US/O=ABC").root(), "/.../C=US/O=ABC");
        assert_eq!(cell("abc.com").file_space("fs"), "/.../abc.com/fs");
        for name in ["", "/", "/...", "/.../", "a//b", "a/", "../etc", "/abc.com", "a\nb"] {
            assert_eq!(Cell::named(name), None, "{name:?}");
        }
    }

    #[test]
    fn the_configuration_names_it_in_its_first_line_with_the_tag() {
        let content =
            b"# cellname /.../no\n \n  cellname  /.../abc.com more\nhostname hosts/a\n\xff\n";
        assert_eq!(of_configuration(content), Some(cell("abc.com")));
        assert_eq!(of_configuration(b"hostname cellname\ncellname\n"), None);
    }

    #[test]
    fn who_asks_for_another_cell_than_the_configured_one_is_told() {
        let (a, b) = (cell("a"), cell("b"));
        assert_eq!(agreed(Some(&a), None, "").unwrap(), Some(a.clone()));
        assert_eq!(agreed(None, Some(&b), "").unwrap(), Some(b.clone()));
        assert_eq!(
            agreed(Some(&a), Some(&b), "f").unwrap_err().to_string(),
            "--cell: is a, and f says b"
        );
    }
}
