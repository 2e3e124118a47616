use std::{borrow::Cow, fmt};

/// Lines whose columns stand below one another, with a title each.
#[derive(Debug)]
pub(crate) struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<String>>,
}

#[derive(Debug)]
struct Column {
    title: &'static str,
    /// Numbers are compared by their last digit.
    is_number: bool,
}

/// Between two columns.
const GAP: usize = 2;

// === impl Table ===

impl Table {
    /// `titles` of numbers begin with `#`, which is not shown.
    pub(crate) fn new(titles: &[&'static str]) -> Self {
        let column = |title: &&'static str| match title.strip_prefix('#') {
            Some(title) => Column { title, is_number: true },
            None => Column { title, is_number: false },
        };
        Self { columns: titles.iter().map(column).collect(), rows: Vec::new() }
    }

    /// What has nothing to say in a column has a dash there.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        let cell = |cell: String| if cell.is_empty() { "-".to_owned() } else { plain(&cell).into_owned() };
        self.rows.push(cells.into_iter().map(cell).collect());
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

/// Nothing at all without rows: a title above nothing tells nobody anything.
impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return Ok(());
        }
        let width = |(index, column): (usize, &Column)| {
            let cells = self.rows.iter().filter_map(|row| row.get(index)).map(|cell| cell.chars().count());
            cells.chain([column.title.chars().count()]).max().unwrap_or_default()
        };
        let widths: Vec<_> = self.columns.iter().enumerate().map(width).collect();
        let mut line = |cells: &mut dyn Iterator<Item = &str>| {
            let mut text = String::new();
            for ((cell, column), width) in cells.zip(&self.columns).zip(&widths) {
                let padding = width.saturating_sub(cell.chars().count());
                let (before, after) = if column.is_number { (padding, 0) } else { (0, padding) };
                text.extend(std::iter::repeat_n(' ', before));
                text.push_str(cell);
                text.extend(std::iter::repeat_n(' ', after + GAP));
            }
            writeln!(f, "{}", text.trim_end())
        };
        line(&mut self.columns.iter().map(|column| column.title))?;
        self.rows.iter().try_for_each(|row| line(&mut row.iter().map(|cell| &**cell)))
    }
}

/// A text of somebody else, on one line and without what terminals obey.
pub(crate) fn plain(text: &str) -> Cow<'_, str> {
    if !text.contains(char::is_control) {
        return text.into();
    }
    let shown = |c: char| match c {
        '\n' | '\t' => ' ',
        c if c.is_control() => char::REPLACEMENT_CHARACTER,
        c => c,
    };
    text.chars().map(shown).collect::<String>().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(rows: &[[&str; 3]]) -> String {
        let mut table = Table::new(&["NAME", "#WEIGHT", "OWNER"]);
        rows.iter().for_each(|row| table.row(row.iter().map(|cell| (*cell).to_owned())));
        table.to_string()
    }

    #[test]
    fn columns_stand_below_one_another() {
        let shown = table(&[["orders-v2", "5", "api"], ["bücher", "100", ""]]);
        assert_eq!(shown, "NAME       WEIGHT  OWNER\norders-v2       5  api\nbücher        100  -\n");
        assert_eq!(table(&[]), "");
    }

    #[test]
    fn nobody_writes_to_the_terminal_of_others() {
        let shown = table(&[["a\u{1b}[31m", "1\n2", "\u{9b}x"]]);
        assert!(!shown.contains(['\u{1b}', '\u{9b}']), "{shown:?}");
        assert_eq!(shown.lines().count(), 2);
    }
}
