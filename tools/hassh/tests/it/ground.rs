//! An sshd of the test's own, with keys and a configuration that lead to it.

use ha_testing::Ran;
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

pub(crate) struct Ground {
    directory: tempfile::TempDir,
    port: u16,
    sshd: Option<Child>,
}

impl Drop for Ground {
    fn drop(&mut self) {
        if let Some(sshd) = &mut self.sshd {
            // It may have ended by itself.
            let _ = sshd.kill();
            let _ = sshd.wait();
        }
    }
}

impl Ground {
    /// Keys and configuration, and nobody at the port.
    pub(crate) fn closed() -> Ground {
        let directory = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let ground = Ground { directory, port, sshd: None };
        for name in ["host", "client"] {
            let file = ground.path(name);
            let made = Command::new("ssh-keygen")
                .args(["-q", "-t", "ed25519", "-N", "", "-f"])
                .arg(file)
                .status();
            assert!(made.unwrap().success());
        }
        ground.put("known_hosts", "");
        ground.configure("");
        ground
    }

    /// With an sshd that lets the client in.
    pub(crate) fn open() -> Ground {
        let mut ground = Ground::closed();
        let path = |name: &str| ground.path(name).display().to_string();
        let text = format!(
            "ListenAddress 127.0.0.1:{}\nHostKey {}\nPidFile none\nAuthorizedKeysFile {}\nStrictModes no\n\
             PasswordAuthentication no\nKbdInteractiveAuthentication no\nUsePAM no\n",
            ground.port,
            path("host"),
            path("client.pub"),
        );
        ground.put("sshd_config", &text);
        if nix::unistd::geteuid().is_root() {
            fs::create_dir_all("/run/sshd").unwrap();
        }
        let sshd = Command::new("/usr/sbin/sshd")
            .args(["-D", "-e", "-f"])
            .arg(ground.path("sshd_config"))
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        ground.sshd = Some(sshd.unwrap());
        for _ in 0..200 {
            if TcpStream::connect(("127.0.0.1", ground.port)).is_ok() {
                return ground;
            }
            thread::sleep(Duration::from_millis(25));
        }
        panic!("sshd does not answer");
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn put(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    pub(crate) fn configure(&self, more: &str) {
        let path = |name: &str| self.path(name).display().to_string();
        let text = format!(
            "{more}Port {}\nIdentityFile {}\nIdentitiesOnly yes\nUserKnownHostsFile {}\nGlobalKnownHostsFile /dev/null\n",
            self.port,
            path("client"),
            path("known_hosts"),
        );
        self.put("ssh_config", &text);
    }

    pub(crate) fn known_hosts(&self) -> String {
        fs::read_to_string(self.path("known_hosts")).unwrap()
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        let program = env!("CARGO_BIN_EXE_hassh");
        let mut command = Command::new(program);
        command.arg("-F").arg(self.path("ssh_config")).args(["--one-way", "--timeout", "5"]);
        command.args(["--hassh-path", program]).args(arguments).arg("127.0.0.1");
        command.env_remove("SSH_AUTH_SOCK");
        ha_testing::run(&mut command, "").unwrap()
    }

    /// The set-up, with the host key brought by a safe way.
    pub(crate) fn set_up(&self) -> Ran {
        let key = self.path("host.pub").display().to_string();
        self.run(&["--setup", "--here", "--host-key", &key])
    }
}
