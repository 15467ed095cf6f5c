//! Between the preprocessor and the compiler: finds the kernels and gives dynamic shared memory a form that C++ knows.

/// A kernel found in a module's source.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Kernel {
    /// With its namespaces, as C++ refers to it.
    pub path: String,
    /// Whether it is `extern "C"`: only then does its plain name find it.
    pub plain: bool,
    /// The first argument of `__launch_bounds__`, an expression.
    pub max_threads: Option<String>,
}

/// Rewrites preprocessed source, line by line the same, and lists its kernels. Templates aren't listed: they have no code of
/// their own.
pub(super) fn rewrite(source: &str) -> (String, Vec<Kernel>) {
    let tokens = tokens(source);
    let mut output = String::with_capacity(source.len() + 256);
    let mut kernels: Vec<Kernel> = Vec::new();
    let mut scopes: Vec<Scope> = Vec::new();
    let mut statement = 0;
    let mut i = 0;
    while i < tokens.len() {
        match tokens[i] {
            "{" => {
                scopes.push(Scope::opened_by(&tokens[statement..i]));
                statement = i + 1;
            }
            "}" => {
                scopes.pop();
                statement = i + 1;
            }
            ";" => statement = i + 1,
            "__global__" => {
                let kernel = kernel(&tokens, statement, i, &scopes);
                kernels.extend(kernel.filter(|new| kernels.iter().all(|known| known.path != new.path)));
            }
            "__shared__" if tokens[statement..i].contains(&"extern") => {
                let end = (i..tokens.len()).find(|&k| tokens[k] == ";").unwrap_or(tokens.len());
                let in_function = scopes.iter().any(|scope| matches!(scope, Scope::Other));
                if let Some(declaration) = dynamic_shared(&tokens[i + 1..end], in_function) {
                    // The words before, such as `extern`, are already written and have to go.
                    let written: usize = tokens[statement..i].iter().map(|token| token.len()).sum();
                    let words = output.split_off(output.len() - written);
                    output.extend(words.chars().filter(|&c| c == '\n'));
                    output += &declaration;
                    output.extend(tokens[i..end].iter().flat_map(|token| token.chars()).filter(|&c| c == '\n'));
                    i = end;
                    continue;
                }
            }
            _ => {}
        }
        output += tokens[i];
        i += 1;
    }
    (output, kernels)
}

enum Scope {
    Namespace(String),
    ExternC,
    Other,
}

impl Scope {
    /// What an opening brace after these tokens begins.
    fn opened_by(statement: &[&str]) -> Scope {
        let words: Vec<&str> = statement.iter().copied().filter(|token| is_significant(token)).collect();
        match words.as_slice() {
            [.., "namespace"] => Scope::Namespace(String::new()),
            [.., "namespace", name] => Scope::Namespace(name.to_string()),
            [.., "extern", "\"C\""] => Scope::ExternC,
            _ => Scope::Other,
        }
    }
}

/// White space and the preprocessor's line markers carry no meaning.
fn is_significant(token: &str) -> bool {
    !token.starts_with(|c: char| c.is_whitespace() || c == '#')
}

fn is_word(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// Reads a kernel's head; `at` is the token `__global__` in the statement that begins at `statement`.
fn kernel(tokens: &[&str], statement: usize, at: usize, scopes: &[Scope]) -> Option<Kernel> {
    if tokens[statement..at].contains(&"template") {
        return None;
    }
    let mut plain = scopes.iter().any(|scope| matches!(scope, Scope::ExternC));
    let mut max_threads = None;
    let mut words = (statement..tokens.len()).filter(|&k| is_significant(tokens[k])).peekable();
    while let Some(k) = words.next() {
        let called = words.peek().is_some_and(|&next| tokens[next] == "(");
        match tokens[k] {
            "\"C\"" => plain = true,
            "__launch_bounds__" | "__attribute__" | "__maxnreg__" | "__align__" | "__cluster_dims__" if called => {
                let open = words.next()?;
                let close = closing(tokens, open)?;
                if tokens[k] == "__launch_bounds__" {
                    max_threads = Some(first_argument(&tokens[open + 1..close]));
                }
                while words.next_if(|&next| next <= close).is_some() {}
            }
            "{" | ";" => return None,
            name if is_word(name) && called => {
                let spaces = scopes.iter().filter_map(|scope| match scope {
                    Scope::Namespace(name) if !name.is_empty() => Some(format!("{name}::")),
                    _ => None,
                });
                let path = spaces.chain([name.to_string()]).collect();
                return Some(Kernel { path, plain, max_threads });
            }
            _ => {}
        }
    }
    None
}

/// The parenthesis that closes the one at `open`.
fn closing(tokens: &[&str], open: usize) -> Option<usize> {
    let mut depth = 0;
    (open..tokens.len()).find(|&k| {
        match tokens[k] {
            "(" => depth += 1,
            ")" => depth -= 1,
            _ => {}
        }
        depth == 0
    })
}

fn first_argument(tokens: &[&str]) -> String {
    let mut depth = 0;
    let end = tokens.iter().position(|&token| {
        match token {
            "(" => depth += 1,
            ")" => depth -= 1,
            _ => {}
        }
        depth == 0 && token == ","
    });
    tokens[..end.unwrap_or(tokens.len())].iter().filter(|token| is_significant(token)).copied().collect()
}

/// Turns the rest of `extern __shared__ T name[]…` into a declaration of a pointer to the block's dynamic shared memory.
fn dynamic_shared(tokens: &[&str], in_function: bool) -> Option<String> {
    let bracket = tokens.iter().position(|&token| token == "[")?;
    let name_at = (0..bracket).rev().find(|&k| is_word(tokens[k]))?;
    let mut element: Vec<&str> = Vec::new();
    let mut k = 0;
    while k < name_at {
        // An alignment belongs to the array, not to its elements; the memory is aligned to 16 bytes.
        if matches!(tokens[k], "__align__" | "__builtin_align__" | "alignas" | "__attribute__") {
            k = closing(tokens, (k..name_at).find(|&open| tokens[open] == "(")?)? + 1;
            continue;
        }
        if is_significant(tokens[k]) {
            element.push(tokens[k]);
        }
        k += 1;
    }
    let (element, name) = (element.join(" "), tokens[name_at]);
    let close = (bracket..tokens.len()).find(|&k| tokens[k] == "]")?;
    let inner: String = tokens[close + 1..].iter().filter(|token| is_significant(token)).copied().collect();
    Some(match (in_function, inner.is_empty()) {
        (true, true) => format!("{element}* {name} = ({element}*)__emulator_self()->dynamic_shared"),
        (true, false) => {
            format!("{element} (*{name}){inner} = ({element} (*){inner})__emulator_self()->dynamic_shared")
        }
        (false, true) => format!("static const __emulator_dynamic_shared<{element}> {name}"),
        (false, false) => format!("static const __emulator_dynamic_shared<{element}{inner}> {name}"),
    })
}

/// Splits source into words, literals, white space, line markers and single other characters; joined they are the source again.
fn tokens(source: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut rest = source;
    let mut line_start = true;
    while let Some(first) = rest.chars().next() {
        let length = if line_start && first == '#' {
            rest.find('\n').unwrap_or(rest.len())
        } else if first.is_alphanumeric() || first == '_' {
            rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len())
        } else if first.is_whitespace() {
            rest.find(|c: char| !c.is_whitespace()).unwrap_or(rest.len())
        } else if first == '"' || first == '\'' {
            literal(rest, first)
        } else {
            first.len_utf8()
        };
        let (token, after) = rest.split_at(length);
        line_start =
            if first.is_whitespace() { token.ends_with('\n') || (line_start && !token.contains('\n')) } else { false };
        tokens.push(token);
        rest = after;
    }
    tokens
}

/// The length of a string or character literal with its quotes.
fn literal(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if c == quote => return at + 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernels_are_found_in_every_spelling() {
        let source = r#"
# 1 "kernel.cu"
extern "C" __global__ void a(float* x) {}
extern "C" __global__ void
__launch_bounds__(32 * (2 + 6), 2)
b(float* x,
  int n) { }
extern "C" { __global__ __launch_bounds__(64) void c() {} }
namespace inner { __global__ void d(); __global__ void d() {} }
template <int N> __global__ void e(float* x) {}
static const char* text = "__global__ void f()";
"#;
        let (_, kernels) = rewrite(source);
        let found: Vec<_> = kernels.iter().map(|k| (k.path.as_str(), k.plain, k.max_threads.as_deref())).collect();
        assert_eq!(
            found,
            [("a", true, None), ("b", true, Some("32*(2+6)")), ("c", true, Some("64")), ("inner::d", false, None)]
        );
    }

    #[test]
    fn dynamic_shared_memory_becomes_a_pointer() {
        let source =
            "void k() {\n  extern\n __shared__ __align__(16) float tile[][33];\n  extern __shared__ float s[];\n}\n";
        let (output, _) = rewrite(source);
        assert_eq!(output.matches('\n').count(), source.matches('\n').count());
        assert!(output.contains("float (*tile)[33] = (float (*)[33])__emulator_self()->dynamic_shared;"), "{output}");
        assert!(output.contains("float* s = (float*)__emulator_self()->dynamic_shared;"), "{output}");
    }
}
