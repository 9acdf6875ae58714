//! The tools that are run beside this one.

use crate::Arguments;

/// Where they are, and how they reach the other node.
#[derive(Clone, Debug)]
pub(crate) struct Programs {
    pub(crate) hassh: String,
    pub(crate) hassh_options: Vec<String>,
    pub(crate) hasync: String,
    pub(crate) hasync_options: Vec<String>,
}

impl Programs {
    pub(crate) fn of(arguments: &Arguments) -> Programs {
        let (hassh, hasync) = (ha_command::beside("hassh"), ha_command::beside("hasync"));
        // A clone has them at the same place, which need not be in the PATH that ssh gives.
        let same_place = |option: &str, path: &str| match path.starts_with('/') {
            true => vec![option.to_owned(), path.to_owned()],
            false => Vec::new(),
        };
        let mut hassh_options = same_place("--hassh-path", &hassh);
        if let Some(file) = &arguments.ssh_config {
            hassh_options.extend(["-F".to_owned(), file.clone()]);
        }
        let mut hasync_options = same_place("--hasync-path", &hasync);
        hasync_options.extend(match (&arguments.rsh, &arguments.ssh_config) {
            (Some(command), _) => vec!["-e".to_owned(), command.clone()],
            (None, Some(file)) => vec!["-e".to_owned(), format!("ssh -F '{file}'")],
            (None, None) => Vec::new(),
        });
        Programs { hassh, hassh_options, hasync, hasync_options }
    }
}
