//! Members that elect a leader.

use super::{Member, Settings};
use crate::eventually;

/// Three members, of which one may be away.
#[derive(Debug)]
pub struct Cluster {
    pub members: Vec<Member>,
}

// === impl Cluster ===

impl Cluster {
    /// Starts three members and waits until they take writes.
    ///
    /// # Panics
    /// When they do not in time.
    pub async fn start() -> Self {
        let mut members: Vec<Member> =
            ["one", "two", "three"].iter().map(|name| Settings::default().member(name)).collect();
        let initial: Vec<String> = members.iter().map(Member::as_initial).collect();
        let initial = format!("--initial-cluster={}", initial.join(","));
        for member in &mut members {
            member.arguments.push(initial.clone());
            // No one is ready before the others are there.
            member.launch();
        }
        for member in &members {
            member.is_ready().await;
        }
        Self { members }
    }

    /// Where the members are, as documents have it.
    pub fn urls(&self) -> Vec<String> {
        self.members.iter().map(Member::url).collect()
    }

    /// The index of the member that leads, of those that run.
    ///
    /// # Panics
    /// When nobody does in time.
    pub async fn leader(&self) -> usize {
        eventually("a leader", async || {
            for (index, member) in self.members.iter().enumerate() {
                if member.is_leader().await {
                    return Some(index);
                }
            }
            None
        })
        .await
    }
}
