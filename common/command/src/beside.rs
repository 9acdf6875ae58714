//! Where the other tools are.

/// The path of the tool that was installed together with this one, else its name, to be found in
/// `PATH`.
pub fn beside(tool: &str) -> String {
    let own = std::env::current_exe().ok();
    let other = own.map(|own| own.with_file_name(tool)).filter(|other| other.is_file());
    other.and_then(|other| other.to_str().map(str::to_owned)).unwrap_or_else(|| tool.to_owned())
}
