//! The binary as users run it.

use std::{
    io::Write,
    path::Path,
    process::{Command, Stdio},
    thread,
};

/// What it did.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Runs it in a folder with this standard input, of which it may not read everything.
pub(crate) fn portico_with(folder: &Path, args: &[&str], input: &[u8]) -> Ran {
    let mut child = Command::new(env!("CARGO_BIN_EXE_portico"))
        .args(args)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // Beside it, because it may write more than fits into a pipe before it has read all.
    let output = thread::scope(|scope| {
        scope.spawn(|| {
            let _ = stdin.write_all(input);
            drop(stdin);
        });
        child.wait_with_output().unwrap()
    });
    Ran {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}
