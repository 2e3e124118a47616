//! Secrets that nobody was told.

use aws_lc_rs::rand;
use fetch::secret::SecretError;
use model::Secret;

/// Makes one that nobody can guess, for as long as the process lives.
///
/// # Errors
/// The operating system has no chance to give.
pub(crate) fn make() -> Result<Secret, SecretError> {
    let mut bytes = [0; 32];
    rand::fill(&mut bytes).map_err(|_| SecretError("the operating system gives no random bytes".to_owned()))?;
    Ok(Secret::new(bytes.map(|byte| format!("{byte:02x}")).concat()))
}
