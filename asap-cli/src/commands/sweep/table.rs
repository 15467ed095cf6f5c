//! A sweep as comma-separated values, one line per generator below a header.

use asap_model::evaluation::Measure;
use asap_model::{Error, Result};

use super::entry::Entry;

/// The columns before the measures.
const COLUMNS: [&str; 10] =
    ["name", "generator", "height", "width", "parameters", "gmac", "ms", "planned_mb", "steps", "training_minutes"];

/// The table. A measure that was not taken is empty.
pub fn csv(entries: &[Entry]) -> Result<String> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let mut lines = vec![COLUMNS.into_iter().chain(Measure::ALL.map(Measure::name)).map(str::to_owned).collect()];
    lines.extend(entries.iter().map(line));
    let fault = |problem: String| Error::Config { origin: "sweep".into(), problem };
    for line in lines {
        writer.write_record(&line).map_err(|error| fault(error.to_string()))?;
    }
    let bytes = writer.into_inner().map_err(|error| fault(error.to_string()))?;
    String::from_utf8(bytes).map_err(|error| fault(error.to_string()))
}

fn line(entry: &Entry) -> Vec<String> {
    let known = [
        entry.name.clone(),
        entry.kind.clone(),
        entry.size[0].to_string(),
        entry.size[1].to_string(),
        entry.parameters.to_string(),
        format!("{:.4}", entry.gmac),
        format!("{:.4}", 1e3 * entry.seconds),
        format!("{:.1}", entry.planned_bytes as f64 / 1e6),
        entry.steps.to_string(),
        format!("{:.3}", entry.training_seconds / 60.0),
    ];
    let measured = Measure::ALL.map(|measure| entry.value(measure).map_or_else(String::new, |value| value.to_string()));
    known.into_iter().chain(measured).collect()
}

/// The entries of a table of [`csv`](fn@csv), with its digits. Unknown columns are ignored.
///
/// # Errors
/// The problem and the line of a text that is no such table.
pub fn read_csv(text: &str) -> std::result::Result<Vec<Entry>, String> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let head = reader.headers().map_err(|error| error.to_string())?.clone();
    let mut entries = Vec::new();
    for (record, number) in reader.records().zip(2..) {
        let record = record.map_err(|error| error.to_string())?;
        let line = Line { head: &head, record: &record, number };
        let measured = Measure::ALL.into_iter().map(|measure| Ok((measure, line.optional(measure.name())?)));
        let measured = measured.collect::<std::result::Result<Vec<_>, String>>()?;
        entries.push(Entry {
            name: line.get("name")?,
            kind: line.get("generator")?,
            size: [line.get("height")?, line.get("width")?],
            parameters: line.get("parameters")?,
            gmac: line.get("gmac")?,
            seconds: line.get::<f64>("ms")? / 1e3,
            planned_bytes: (line.get::<f64>("planned_mb")? * 1e6).round() as u64,
            steps: line.get("steps")?,
            training_seconds: line.get::<f64>("training_minutes")? * 60.0,
            measured: measured.into_iter().filter_map(|(measure, value)| Some((measure, value?))).collect(),
        });
    }
    Ok(entries)
}

/// A line of a table.
struct Line<'a> {
    head: &'a csv::StringRecord,
    record: &'a csv::StringRecord,
    number: usize,
}

impl Line<'_> {
    fn get<T: std::str::FromStr>(&self, column: &str) -> std::result::Result<T, String> {
        let value = self.optional(column)?;
        value.ok_or_else(|| format!("line {} has no {column}", self.number))
    }

    /// `None` if the field is empty.
    fn optional<T: std::str::FromStr>(&self, column: &str) -> std::result::Result<Option<T>, String> {
        let place = self.head.iter().position(|name| name == column);
        let Some(text) = place.and_then(|place| self.record.get(place)).filter(|text| !text.is_empty()) else {
            return Ok(None);
        };
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
        assert!(lines[0].starts_with("name,generator,height,width,") && lines[0].contains(",l1,psnr,ssim,swd,fid,"));
        assert_eq!(lines[1], "\"a,b\",asap,8,16,1234,0.5000,2.0000,2.5,7,1.500,0.25,,,,,,,,");
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
