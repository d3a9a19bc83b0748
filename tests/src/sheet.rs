//! A spreadsheet program, as far as decision files need one: reads a CSV, changes cells, and writes it as such programs do (quotes only
//! where they must be, commas, CR LF). Knows nothing of linkyard's own reader and writer.

/// A sheet with a header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sheet {
    /// The names of the columns.
    pub header: Vec<String>,
    /// The rows below; row 0 is line 2 of the file as long as no cell holds a line break.
    pub rows: Vec<Vec<String>>,
}

impl Sheet {
    /// Opens a file.
    ///
    /// # Panics
    /// When it is not UTF-8, or empty.
    #[must_use]
    pub fn open(bytes: &[u8]) -> Self {
        let text = std::str::from_utf8(bytes).expect("UTF-8").trim_start_matches('\u{feff}');
        let mut rows = vec![vec![String::new()]];
        let (mut quoted, mut letters) = (false, text.chars().peekable());
        while let Some(letter) = letters.next() {
            let cell = rows.last_mut().and_then(|row| row.last_mut()).expect("a cell");
            match letter {
                '"' if quoted && letters.peek() == Some(&'"') => cell.extend(letters.next()),
                '"' => quoted = !quoted,
                ',' if !quoted => rows.last_mut().expect("a row").push(String::new()),
                '\r' if !quoted => {}
                '\n' if !quoted => rows.push(vec![String::new()]),
                other => cell.push(other),
            }
        }
        rows.retain(|row| row.iter().any(|cell| !cell.is_empty()));
        let mut rows = rows.into_iter();
        Self { header: rows.next().expect("a header"), rows: rows.collect() }
    }

    /// A cell.
    ///
    /// # Panics
    /// When there is no such column or row.
    #[must_use]
    pub fn cell(&self, row: usize, column: &str) -> &str {
        &self.rows[row][self.place(column)]
    }

    /// Types into a cell.
    ///
    /// # Panics
    /// When there is no such column or row.
    pub fn set(&mut self, row: usize, column: &str, text: impl Into<String>) {
        let place = self.place(column);
        self.rows[row][place] = text.into();
    }

    /// Takes a column away.
    ///
    /// # Panics
    /// When there is no such column.
    pub fn drop_column(&mut self, column: &str) {
        let place = self.place(column);
        self.header.remove(place);
        self.rows.iter_mut().for_each(|row| drop(row.remove(place)));
    }

    /// The file.
    #[must_use]
    pub fn save(&self) -> Vec<u8> {
        let line = |row: &Vec<String>| row.iter().map(|cell| written(cell)).collect::<Vec<_>>().join(",") + "\r\n";
        std::iter::once(&self.header).chain(&self.rows).map(line).collect::<String>().into_bytes()
    }

    fn place(&self, column: &str) -> usize {
        self.header.iter().position(|name| name == column).unwrap_or_else(|| panic!("no column {column}"))
    }
}

fn written(cell: &str) -> String {
    if cell.contains(['"', ',', '\n', '\r']) { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell.to_owned() }
}
