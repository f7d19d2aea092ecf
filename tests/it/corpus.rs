//! What the fuzzers began with and what they have found goes through their targets once more.

#[path = "../../fuzz/src/lib.rs"]
mod targets;

#[test]
fn the_fuzzers_corpus_is_survived() {
    let corpus = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    for (target, run) in targets::TARGETS {
        let mut files = 0;
        for entry in std::fs::read_dir(corpus.join(target)).unwrap() {
            run(&std::fs::read(entry.unwrap().path()).unwrap());
            files += 1;
        }
        assert!(files > 0, "{target} is empty");
    }
}
