//! The real facades, where they are: the folder is named by the environment variable `ASAP_FACADES`.

use std::path::PathBuf;
use std::time::Instant;

use asap_model::config::{Config, Layout};
use asap_model::data::{check, detect_layout};

#[test]
fn published_facades_have_no_problems() {
    let Some(dir) = std::env::var_os("ASAP_FACADES").map(PathBuf::from) else {
        println!("skipped: ASAP_FACADES names no folder with the CMP facades");
        return;
    };
    assert_eq!(detect_layout(&dir).unwrap(), Layout::Facades);
    let began = Instant::now();
    let report = check(&dir, &Config::preset("facades-256").unwrap().data).unwrap();
    println!("{:.1} s: {report:?}", began.elapsed().as_secs_f64());
    assert_eq!(report.problems, []);
    assert!(report.train > 0 && report.val > 0);
    assert_eq!(report.classes.len(), 13);
}
