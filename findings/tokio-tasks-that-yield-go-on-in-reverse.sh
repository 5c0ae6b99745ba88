#!/usr/bin/env bash
# tokio 1.54.1, current-thread runtime: tasks that call yield_now() between two looks of the runtime
# for new events go on in reverse order, the last one first. With a share of work for each round, as
# in "whoever finds the share used up yields again", the order of one round is the reverse of the
# last, and the tasks in the middle never get a turn, for as long as the others have something to do.
# While there are no more tasks than two rounds take, all is fair, which hides it in small tests.
#
# Who needs an order keeps a queue of their own, and wakes one task at a time.
#
# Seen:
#   each yields once: abcdeedcba
#   4 tasks, 2 of them in a round: [300, 300, 300, 300]
#   5 tasks, 2 of them in a round: [300, 300, 0, 300, 300]
#   6 tasks, 2 of them in a round: [300, 300, 0, 0, 300, 300]
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
mkdir src
cat >Cargo.toml <<'TOML'
[package]
name = "turns"
version = "0.0.0"
edition = "2024"
[dependencies]
tokio = { version = "=1.54.1", features = ["rt"] }
TOML
cat >src/main.rs <<'RUST'
use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};
use tokio::{
    runtime::Builder,
    task::{LocalSet, spawn_local, yield_now},
};

const IN_A_ROUND: usize = 2;
const ROUNDS: usize = 600;

fn run(tasks: impl Future<Output = ()>) {
    let runtime = Builder::new_current_thread().build().unwrap();
    runtime.block_on(LocalSet::new().run_until(tasks));
}

async fn yield_once() {
    let order = Rc::new(RefCell::new(String::new()));
    let task = |name| {
        let order = order.clone();
        spawn_local(async move {
            order.borrow_mut().push(name);
            yield_now().await;
            order.borrow_mut().push(name);
        })
    };
    for task in ('a'..='e').map(task).collect::<Vec<_>>() {
        task.await.unwrap();
    }
    println!("each yields once: {}", order.borrow());
}

async fn share_rounds(tasks: usize) {
    let (turns, taken) = (Rc::new(RefCell::new(vec![0; tasks])), Rc::new(Cell::new(0)));
    for number in 0..tasks {
        let (turns, taken) = (turns.clone(), taken.clone());
        spawn_local(async move {
            loop {
                if taken.get() < IN_A_ROUND {
                    taken.set(taken.get() + 1);
                    turns.borrow_mut()[number] += 1;
                }
                yield_now().await;
            }
        });
    }
    for _ in 0..ROUNDS {
        taken.set(0);
        yield_now().await;
    }
    println!("{tasks} tasks, {IN_A_ROUND} of them in a round: {:?}", turns.borrow());
}

fn main() {
    run(yield_once());
    (4..=6).for_each(|tasks| run(share_rounds(tasks)));
}
RUST
cargo run --quiet | tee seen
diff seen - <<'SEEN'
each yields once: abcdeedcba
4 tasks, 2 of them in a round: [300, 300, 300, 300]
5 tasks, 2 of them in a round: [300, 300, 0, 300, 300]
6 tasks, 2 of them in a round: [300, 300, 0, 0, 300, 300]
SEEN
