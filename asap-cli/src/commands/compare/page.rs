//! The page: a row for each input, a column for each generator. The images are files beside it.

use maud::{DOCTYPE, PreEscaped, html};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::differences::Difference;
use super::inputs::Inputs;
use crate::report::sheet::Column;

/// Light and dark style.
const STYLE: &str = "\
:root { color-scheme: light dark; font: 15px/1.4 system-ui, sans-serif; }
body { margin: 2rem; }
h1 { font-size: 1.3rem; margin: 0 0 .3rem; }
p { margin: 0 0 1rem; opacity: .75; }
.scroll { overflow-x: auto; }
table { border-collapse: separate; border-spacing: 8px 6px; }
th { position: sticky; top: 0; background: Canvas; padding: .3rem; font-weight: 600; }
th small { display: block; font-weight: 400; opacity: .75; font-variant-numeric: tabular-nums; }
td { padding: 0; }
td p { margin: .2rem 0 0; font-size: .85rem; }
table.differences { border-spacing: 1.2rem .1rem; margin: 0 0 1.2rem -1.2rem; }
.differences th { position: static; text-align: left; padding: 0; }
.differences td { font-variant-numeric: tabular-nums; }
img { display: block; width: 100%; min-width: 160px; max-width: 512px; height: auto; }";

/// What a relative URL may contain as it is.
const IN_URLS: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'.').remove(b'-').remove(b'_').remove(b'~');

/// An image's file, in its column's folder and with the name of its input.
pub fn file(column: &str, input: &str) -> String {
    format!("{column}/{input}.png")
}

/// The page as text.
pub fn page(inputs: &Inputs, columns: &[Column], differences: &[Difference], device: &str) -> String {
    let generators = &columns[1..columns.len() - 1];
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                link rel="icon" href="data:,";
                title { "Generator comparison" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                h1 { "Generator comparison" }
                p {
                    (inputs.source) ", " (inputs.described()) " pixels, on " (device)
                    ". Median time per image; excludes file I/O."
                }
                @if !differences.is_empty() {
                    table.differences {
                        tr { th { "differs" } @for column in generators { th scope="col" { (column.name) } } }
                        @for difference in differences {
                            tr {
                                th scope="row" { (difference.key) }
                                @for place in 0..generators.len() { td { (difference.text(place)) } }
                            }
                        }
                    }
                }
                div.scroll {
                    table {
                        thead {
                            tr { @for column in columns { th scope="col" { (column.name) small { (column.caption) } } } }
                        }
                        tbody {
                            @for example in &inputs.examples {
                                @let [height, width] = example.input.size();
                                tr {
                                    @for (place, column) in columns.iter().enumerate() {
                                        @let file = file(&column.name, &example.input.name);
                                        @let file = utf8_percent_encode(&file, IN_URLS).to_string();
                                        td {
                                            a href=(file) {
                                                img src=(file) alt={ (example.input.name) ", " (column.name) } loading="lazy"
                                                    width=(width) height=(height);
                                            }
                                            @if place == 0 { p { (example.input.name) } }
                                        }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    };
    page.into_string()
}
