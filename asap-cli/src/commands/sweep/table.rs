//! A sweep as comma-separated values, one line per generator below a header.

use std::collections::HashMap;
use std::str::FromStr;

use asap_model::evaluation::Measure;
use asap_model::{Error, Result};

use super::entry::Entry;

/// The title of a column, and its text for an entry.
type Column = (&'static str, fn(&Entry) -> String);

/// The columns before the measures.
const COLUMNS: [Column; 10] = [
    ("name", |entry| entry.name.clone()),
    ("generator", |entry| entry.kind.clone()),
    ("height", |entry| entry.size[0].to_string()),
    ("width", |entry| entry.size[1].to_string()),
    ("parameters", |entry| entry.parameters.to_string()),
    ("gmac", |entry| format!("{:.4}", entry.gmac)),
    ("ms", |entry| format!("{:.4}", 1e3 * entry.seconds)),
    ("planned_mb", |entry| format!("{:.1}", entry.planned_bytes as f64 / 1e6)),
    ("steps", |entry| entry.steps.to_string()),
    ("training_minutes", |entry| format!("{:.3}", entry.training_seconds / 60.0)),
];

/// The table. A measure that was not taken is empty.
pub fn csv(entries: &[Entry]) -> Result<String> {
    let head = COLUMNS.map(|(name, _)| name.to_owned()).into_iter().chain(Measure::ALL.map(|m| m.name().to_owned()));
    let measured = |entry: &Entry| {
        Measure::ALL.map(|measure| entry.value(measure).map_or_else(String::new, |value| value.to_string()))
    };
    let line = |entry: &Entry| COLUMNS.iter().map(|(_, text)| text(entry)).chain(measured(entry)).collect();
    let lines: Vec<Vec<String>> = std::iter::once(head.collect()).chain(entries.iter().map(line)).collect();
    let mut writer = csv::Writer::from_writer(Vec::new());
    let fault = |problem: String| Error::Config { origin: "sweep".into(), problem };
    lines.iter().try_for_each(|line| writer.write_record(line)).map_err(|error| fault(error.to_string()))?;
    let bytes = writer.into_inner().map_err(|error| fault(error.to_string()))?;
    String::from_utf8(bytes).map_err(|error| fault(error.to_string()))
}

/// The entries of a table of [`csv`](fn@csv), with its digits. Unknown columns are ignored. An error is the problem and its
/// line.
pub fn read_csv(text: &str) -> std::result::Result<Vec<Entry>, String> {
    let rows = csv::Reader::from_reader(text.as_bytes()).into_deserialize();
    rows.zip(2..).map(|(row, number)| Line { row: row.map_err(|error| error.to_string())?, number }.entry()).collect()
}

/// A line of a table.
struct Line {
    row: HashMap<String, String>,
    number: usize,
}

impl Line {
    fn entry(&self) -> std::result::Result<Entry, String> {
        let measured = Measure::ALL.into_iter().map(|measure| Ok((measure, self.optional(measure.name())?)));
        let measured = measured.collect::<std::result::Result<Vec<_>, String>>()?;
        Ok(Entry {
            name: self.get("name")?,
            kind: self.get("generator")?,
            size: [self.get("height")?, self.get("width")?],
            parameters: self.get("parameters")?,
            gmac: self.get("gmac")?,
            seconds: self.get::<f64>("ms")? / 1e3,
            planned_bytes: (self.get::<f64>("planned_mb")? * 1e6).round() as u64,
            steps: self.get("steps")?,
            training_seconds: self.get::<f64>("training_minutes")? * 60.0,
            measured: measured.into_iter().filter_map(|(measure, value)| Some((measure, value?))).collect(),
        })
    }

    fn get<T: FromStr>(&self, column: &str) -> std::result::Result<T, String> {
        self.optional(column)?.ok_or_else(|| format!("line {} has no {column}", self.number))
    }

    /// `None` if the field is empty.
    fn optional<T: FromStr>(&self, column: &str) -> std::result::Result<Option<T>, String> {
        let Some(text) = self.row.get(column).filter(|text| !text.is_empty()) else { return Ok(None) };
        text.parse().map(Some).map_err(|_| format!("line {}: {column} can't be {text:?}", self.number))
    }
}

#[cfg(test)]
mod tests {
    use super::super::entry::tests::entry;
    use super::*;

    #[test]
    fn names_are_quoted_where_needed() {
        let text = csv(&[entry("a,b", 0.25, 0.002), entry("c", 0.5, 0.1)]).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 3);
        assert!(
            lines[0].starts_with("name,generator,height,width,") && lines[0].contains(",l1,psnr,ssim,swd,seams,fid,")
        );
        assert_eq!(lines[1], "\"a,b\",asap,8,16,1234,0.5000,2.0000,2.5,7,1.500,0.25,,,,,,,,,,,,,");
    }

    #[test]
    fn tables_read_back() {
        let mut entries = [entry("a,b", 0.25, 0.002), entry("c", 0.5, 0.1)];
        entries[1].measured.push((Measure::Ssim, 0.123_456_789_012));
        assert_eq!(read_csv(&csv(&entries).unwrap()).unwrap(), entries);
        assert_eq!(read_csv(&csv(&[]).unwrap()).unwrap(), []);
    }

    #[test]
    fn problems_name_their_line() {
        let text = csv(&[entry("a", 0.25, 0.002), entry("b", 0.5, 0.1)]).unwrap();
        for (from, to, problem) in [
            ("100.0000", "fast", "line 3: ms can't be \"fast\""),
            ("100.0000", "", "line 3 has no ms"),
            (",ms,", ",s,", "line 2 has no ms"),
            ("0.25", "0,25", "line: 2"),
        ] {
            let error = read_csv(&text.replace(from, to)).unwrap_err();
            assert!(error.contains(problem), "{from} → {to}: {error}");
        }
    }
}
