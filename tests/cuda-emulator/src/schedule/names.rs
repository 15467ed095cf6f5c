//! Threads and blocks as reports name them.

/// "(1,0,0)".
pub(super) fn triple([x, y, z]: [u32; 3]) -> String {
    format!("({x},{y},{z})")
}

/// Threads of a block by their linear index: "threads 0–15, 32".
pub(super) fn threads(block_dim: [u32; 3], mut linear: Vec<u32>) -> String {
    linear.sort_unstable();
    let text = ranges(&linear);
    let word = if linear.len() == 1 { "thread" } else { "threads" };
    match block_dim {
        [_, 1, 1] => format!("{word} {text}"),
        [x, y, _] => format!("{word} {text} (x + {x}·y + {}·z)", x * y),
    }
}

/// Ascending integers as ranges: "0–3, 7, 9–10".
fn ranges(sorted: &[u32]) -> String {
    let runs = sorted.chunk_by(|a, b| a + 1 == *b);
    let texts = runs.map(|run| match run {
        [only] => only.to_string(),
        run => format!("{}–{}", run[0], run[run.len() - 1]),
    });
    texts.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    #[test]
    fn ranges_join_consecutive_integers() {
        assert_eq!(super::ranges(&[0, 1, 2, 3, 7, 9, 10]), "0–3, 7, 9–10");
        assert_eq!(super::ranges(&[5]), "5");
    }
}
