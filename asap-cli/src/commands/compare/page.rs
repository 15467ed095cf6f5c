//! The page: a row for each input, a column for each generator. The images are files beside it.

use maud::{DOCTYPE, PreEscaped, html};

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
img { display: block; width: 100%; min-width: 160px; max-width: 512px; height: auto; }";

/// The name of an image's file in its column's folder.
pub fn file_name(number: usize) -> String {
    format!("{:03}.png", number + 1)
}

/// The page as text.
pub fn page(inputs: &Inputs, columns: &[Column], device: &str) -> String {
    let [height, width] = inputs.size;
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
                    (inputs.source) ", " (width) "×" (height) " pixels, on " (device)
                    ". Median time per image; excludes file I/O."
                }
                div.scroll {
                    table {
                        thead {
                            tr { @for column in columns { th scope="col" { (column.name) small { (column.caption) } } } }
                        }
                        tbody {
                            @for (number, example) in inputs.examples.iter().enumerate() {
                                tr {
                                    @for column in columns {
                                        @let file = format!("{}/{}", column.name, file_name(number));
                                        td {
                                            a href=(file) {
                                                img src=(file) alt={ (example.input.name) ", " (column.name) } loading="lazy"
                                                    width=(width) height=(height);
                                            }
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
