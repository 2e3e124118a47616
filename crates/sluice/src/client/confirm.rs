use std::io::{self, BufRead, IsTerminal};

use crate::failure::Failure;

/// Asks whoever sits at the terminal, if anybody does: a script is not asked.
///
/// # Errors
/// They do not want it.
pub(crate) fn confirm(question: &str) -> Result<(), Failure> {
    if !is_somebody_there() {
        return Ok(());
    }
    eprint!("{question} [y/N] ");
    let mut answer = String::new();
    // Who says nothing does not agree.
    _ = io::stdin().lock().read_line(&mut answer);
    match agrees(&answer) {
        true => Ok(()),
        false => Err(Failure::Other("nothing was changed, for nobody said yes".to_owned())),
    }
}

/// Whether somebody could be asked.
pub(crate) fn is_somebody_there() -> bool {
    io::stdin().is_terminal()
}

fn agrees(answer: &str) -> bool {
    matches!(answer.trim(), "y" | "Y" | "yes" | "Yes" | "YES")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_yes_is_yes() {
        for (answer, yes) in [("y\n", true), ("yes\r\n", true), ("", false), ("\n", false), ("yo\n", false)] {
            assert_eq!(agrees(answer), yes, "{answer:?}");
        }
    }
}
