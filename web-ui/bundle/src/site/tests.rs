use super::*;

const INDEX: &str = r#"<!doctype html><link rel="stylesheet" href="{{style.css}}"><script type="module" src="{{boot.js}}"></script>"#;

fn sources(more: &[(&str, &str)]) -> Sources {
    let files =
        [("index.html", INDEX), ("boot.js", r#"import i from "{{console.js}}"; i("{{console.wasm}}")"#)];
    let files = files.iter().chain([&("style.css", "a { }")]).chain(more);
    Sources(files.map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec())).collect())
}

fn linked() -> Linked {
    Linked { js: "export default 1".to_owned(), wasm: b"\0asm".to_vec(), snippets: BTreeMap::new() }
}

fn text<'a>(files: &'a Files, start: &str) -> (&'a str, &'a str) {
    let (path, content) = files.iter().find(|(path, _)| path.starts_with(start)).expect("a file");
    (path, std::str::from_utf8(content).expect("text"))
}

#[test]
fn the_same_input_has_the_same_names_and_another_has_others() {
    let files = lay_out(sources(&[]), linked()).expect("laid out");
    assert_eq!(files, lay_out(sources(&[]), linked()).expect("laid out"));
    let other = Linked { wasm: b"\0asm other".to_vec(), ..linked() };
    let other = lay_out(sources(&[]), other).expect("laid out");
    let name = |files: &Files, start| text(files, start).0.to_owned();
    // boot.js names the wasm, so its own name is another one too; the style sheet's is not.
    for start in ["assets/console-", "assets/boot-"] {
        assert!(
            files.keys().filter(|path| path.starts_with(start)).any(|path| !other.contains_key(path)),
            "{start}"
        );
    }
    assert_eq!(name(&files, "assets/style-"), name(&other, "assets/style-"));
    assert_ne!(files["index.html"], other["index.html"]);
}

#[test]
fn each_file_but_the_page_carries_its_contents_hash() {
    let files = lay_out(sources(&[("icon.svg", "<svg/>")]), linked()).expect("laid out");
    for (path, content) in files.iter().filter(|(path, _)| *path != "index.html") {
        let (stem, extension) = path.rsplit_once('.').expect("an extension");
        let (name, hash) = stem.rsplit_once('-').expect("a hash");
        assert_eq!(hash.len(), 16, "{path}");
        let name = format!("{}.{extension}", name.trim_start_matches("assets/"));
        assert_eq!(*path, format!("assets/{}", hashed(&name, content)));
    }
    assert_eq!(files.len(), 6);
}

#[test]
fn names_are_filled_in_with_the_addresses_that_are_really_there() {
    let files = lay_out(sources(&[]), linked()).expect("laid out");
    let (_, page) = text(&files, "index.html");
    let (boot_path, boot) = text(&files, "assets/boot-");
    assert!(page.contains(&format!(r#"src="/{boot_path}""#)), "{page}");
    let (wasm_path, _) = files.iter().find(|(path, _)| path.ends_with(".wasm")).expect("the module");
    assert!(boot.contains(&format!("/{wasm_path}")), "{boot}");
    assert!(!page.contains("{{") && !boot.contains("{{"));
}

#[test]
fn braces_that_name_no_file_stay_as_they_are() {
    let script = "const text = `{{ not a name }} ${{a}}`;";
    let refused = lay_out(sources(&[("more.js", "{{missing.js}}")]), linked());
    assert!(matches!(refused, Err(Failure::Unknown { name, .. }) if name == "missing.js"));
    let files =
        lay_out(sources(&[("more.js", &script.replace("${{a}}", "{ {b} }"))]), linked()).expect("laid out");
    assert!(text(&files, "assets/more-").1.contains("{{ not a name }}"));
}

#[test]
fn files_that_name_each_other_in_a_circle_are_refused() {
    let refused = lay_out(sources(&[("a.js", "{{b.js}}"), ("b.js", "{{a.js}}")]), linked());
    assert!(matches!(refused, Err(Failure::Circle(_))), "{refused:?}");
}

#[test]
fn a_source_that_takes_the_programs_name_is_refused() {
    assert!(matches!(lay_out(sources(&[("console.js", "")]), linked()), Err(Failure::Twice(_))));
}

#[test]
fn javascript_that_crates_bring_is_led_to_its_hashed_name() {
    let import = "./snippets/some-crate-0123/inline0.js";
    let linked = Linked {
        js: format!("import {{ f }} from '{import}';"),
        snippets: [(import.to_owned(), "export function f() {}".to_owned())].into(),
        ..linked()
    };
    let files = lay_out(sources(&[]), linked).expect("laid out");
    let (snippet, _) = text(&files, "assets/snippet-");
    let (_, script) = files
        .iter()
        .find(|(path, _)| path.starts_with("assets/console-") && path.ends_with(".js"))
        .expect("it");
    assert_eq!(String::from_utf8_lossy(script), format!("import {{ f }} from '/{snippet}';"));
}

#[test]
fn a_page_with_anything_inline_is_refused() {
    for inline in [
        "<script>start()</script>",
        "<script type=\"module\">start()</script>",
        "<style>a { }</style>",
        "<p style=\"color: red\">",
        "<body onload=\"start()\">",
    ] {
        let mut sources = sources(&[]);
        sources.0.insert(PAGE.to_owned(), format!("{INDEX}{inline}").into_bytes());
        assert!(matches!(lay_out(sources, linked()), Err(Failure::Inline { .. })), "{inline}");
    }
}

/// The very page that people get.
#[test]
fn the_consoles_own_page_has_nothing_inline_and_names_only_what_is_there() {
    let top = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let sources = crate::sources::read(&top.join("assets"), &top.join("style")).expect("read");
    let files = lay_out(sources, linked()).expect("laid out");
    let (_, page) = text(&files, "index.html");
    assert!(page.contains("/assets/boot-") && page.contains("/assets/style-"), "{page}");
}
