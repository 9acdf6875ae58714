//! The ids of steps that a site's own steps may not have.

/// The steps of hadce-start and hadce-stop themselves.
const TAKEN: [&str; 11] = [
    "stop-half-dfs",
    "stop-dfs-of-half-dce",
    "stop-half-dce",
    "host-name",
    "remove-endpoint-map",
    "remove-credentials",
    "start-dce",
    "start-dfs",
    "stop-dfs",
    "stop-dce",
    "restore-host-name",
];

/// How the ids begin that hadce-start and hadce-stop number.
const TAKEN_BEGINNINGS: [&str; 2] = ["needs-", "release-"];

/// Whether a step of hadce-start or hadce-stop itself has this id.
pub(crate) fn is_taken(id: &str) -> bool {
    TAKEN.contains(&id) || TAKEN_BEGINNINGS.iter().any(|taken| id.starts_with(taken))
}
