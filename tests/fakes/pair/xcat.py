#!/usr/bin/python3
"""xCAT on a node of the pair, as far as a takeover sees it; called as xcatd, tabdump, lsxcatd, makedns, makedhcp,
makeconservercf, makegocons, nimnodeset or mkdsklsnode, or as "xcat.py COMMAND ...".

xcatd listens on port 3001 of all addresses, and reads the tables from SQLite (/etc/xcat/TABLE.sqlite). It does not start where
there is no database to be read. The others ask it, at $XCATHOST (localhost:3001); tabdump with XCATBYPASS reads by itself.
In the place of xCAT's TLS and XML, a request and an answer are a line of JSON each.
makedns -n writes /etc/named.conf from /etc/hosts, makedhcp -n and -a /etc/dhcp/dhcpd.conf and its hosts, in dnsmasq's words, and
they restart named and dhcpd, as xCAT's do; makeconservercf and makegocons write and restart conserver and goconserver.
/var/log/xcat/commands.log has what was called; /etc/xcat.broken/COMMAND with "fails" or "hangs" bends a command, and
/etc/xcat.broken/xcatd with "mute" has xcatd take requests and not answer.
"""
import io
import json
import os
import re
import signal
import socket
import socketserver
import sqlite3
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.realpath(__file__))
ON_A_NODE = os.path.exists("/usr/lib/pair/kind")
VERSION = "Version 2.16.5 (git commit 0123456789abcdef0123456789abcdef01234567, built Tue Mar  7 10:34:21 EST 2023)"
DOWN = """Unable to open socket connection to xcatd daemon on {}.
Verify that the xcatd daemon is running and that your SSL setup is correct."""


class Failed(Exception):
    pass


def schema():
    for path in (os.path.join(HERE, "../lib/schema.tsv"), os.path.join(HERE, "../../../common/xcat/data/schema.tsv")):
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                rows = (line.split("\t") for line in file)
                return {row[0]: row[1].removeprefix("cols=").split(",") for row in rows}
    raise Failed("Error: the schema is not there")


def cfgloc():
    """What names the database: $XCATCFG, or the first line of /etc/xcat/cfgloc, or SQLite beside it."""
    text = os.environ.get("XCATCFG", "")
    if not text:
        try:
            with open("/etc/xcat/cfgloc", encoding="utf-8") as file:
                text = file.readline().strip()
        except OSError:
            text = "SQLite:/etc/xcat"
    return text if ":" in text else f"SQLite:{text}"


def read(table):
    """The rows of a table: lists in the order of the schema's columns."""
    columns = schema().get(table)
    if columns is None:
        raise Failed(f"Error: No such table: {table}")
    engine, where = cfgloc().split(":", 1)
    if engine != "SQLite":
        raise Failed(f"Error: Could not connect to the {engine} database server")
    path = os.path.join(where.split("|")[0], f"{table}.sqlite")
    if not os.path.exists(path):
        if not os.path.exists(os.path.join(os.path.dirname(path), "site.sqlite")):
            raise Failed(f"Error: the database is not there: {os.path.dirname(path)}/site.sqlite")
        return columns, []
    database = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5)
    try:
        database.row_factory = sqlite3.Row
        rows = database.execute(f"SELECT * FROM {table}").fetchall()
        return columns, [[row[c] if c in row.keys() else None for c in columns] for row in rows]
    except sqlite3.Error as error:
        raise Failed(f"Error: {table}: {error}") from error
    finally:
        database.close()


def ask(table):
    """As read, by xcatd."""
    host, _, port = os.environ.get("XCATHOST", "localhost:3001").partition(":")
    try:
        with socket.create_connection((host, int(port or 3001)), timeout=15) as connection:
            # What it says may take its time.
            connection.settimeout(None)
            connection.sendall(json.dumps({"command": "tabdump", "arg": [table]}).encode() + b"\n")
            line = connection.makefile("rb").readline()
    except OSError as error:
        print(DOWN.format(f"{host}:{port or 3001}"))
        reason = "Connection refused" if isinstance(error, ConnectionRefusedError) else error
        raise Failed(f"Connection failure: IO::Socket::INET: connect: {reason} at /opt/xcat/lib/perl/xCAT/Client.pm line 248.") from error
    if not line:
        raise Failed("Error: xcatd closed the connection")
    answer = json.loads(line)
    if "error" in answer:
        raise Failed(answer["error"])
    return answer["columns"], answer["rows"]


def records(table):
    columns, rows = ask(table)
    return [{c: v for c, v in zip(columns, row) if v is not None} for row in rows]


def site():
    return {row["key"]: row.get("value", "") for row in records("site")}


class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        line = self.rfile.readline(65536)
        if bent("xcatd") == "mute":
            time.sleep(3600)
        try:
            request = json.loads(line)
            columns, rows = read(request["arg"][0])
            answer = {"columns": columns, "rows": rows}
        except Failed as error:
            answer = {"error": str(error)}
        except (ValueError, KeyError, IndexError, TypeError):
            return
        self.wfile.write(json.dumps(answer).encode() + b"\n")


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


def xcatd(_):
    ready = "/run/xcatd.ready"
    if os.path.exists(ready):
        os.unlink(ready)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    columns, rows = read("site")
    if not rows:
        raise Failed("xcatd: the site table has no row")
    # The database stays open while it runs: what it is on cannot be unmounted.
    where = cfgloc().split(":", 1)[1]
    held = os.open(os.path.join(where, "site.sqlite"), os.O_RDONLY)
    with Server(("0.0.0.0", 3001), Handler) as server:
        with open(ready, "w", encoding="utf-8"):
            pass
        server.serve_forever()
    os.close(held)


def csv(value):
    if value is None or str(value) in ("", "\n"):
        return ""
    return '"' + str(value).replace('"', '""') + '"'


def tabdump(arguments):
    tables = [argument for argument in arguments if not argument.startswith("-")]
    if not tables:
        print("\n".join(sorted(schema())))
        return
    for table in tables:
        columns, rows = read(table) if os.environ.get("XCATBYPASS") else ask(table)
        sys.stdout.write("#" + ",".join(columns) + "\n")
        for row in rows:
            line = "".join(csv(value) + "," for value in row)
            sys.stdout.write(line[:-1] + "\n")


def lsxcatd(arguments):
    if not arguments or not set(arguments) <= {"-v", "-d", "-a", "-t", "--version", "--database", "--all", "--nodetype"}:
        raise Failed("Usage: lsxcatd [-v | -d | -t | -a]")
    every = "-a" in arguments or "--all" in arguments
    if every or "-v" in arguments or "--version" in arguments:
        print(VERSION)
    if every or "-t" in arguments or "--nodetype" in arguments:
        print("This is a Management Node")
    if every or "-d" in arguments or "--database" in arguments:
        location = cfgloc()
        engine, rest = location.split(":", 1)
        if engine == "SQLite":
            print(f"cfgloc={location}\ndbengine=SQLite")
            return
        # Without the password.
        fields = rest.split("|")
        names = dict(part.split("=", 1) for part in fields[0].split(";") if "=" in part)
        print(f"cfgloc={engine}:{'|'.join(fields[:2])}\ndbengine={engine}\ndbname={names.get('dbname', '')}")
        print(f"dbhost={names.get('host', '')}\ndbadmin={fields[1] if len(fields) > 1 else ''}")


def replace(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def tested(path):
    done = subprocess.run(["/usr/sbin/dnsmasq", "--test", f"--conf-file={path}"], capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failed(f"Error: {path}: {done.stderr.strip()}")


def restart(unit):
    done = subprocess.run(["/usr/lib/pair/daemons", "restart", unit], capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failed(f"Error: Command failed: restart {unit}. Error message: {(done.stdout + done.stderr).strip()}.")


def makedns(arguments):
    values = site()
    domain = values.get("domain")
    if not domain:
        raise Failed("Error: domain not defined in site table")
    lines = ["# Made by makedns.", "port=53", "bind-dynamic", "user=root", "no-hosts", "no-resolv", f"local=/{domain}/", f"domain={domain}"]
    with open("/etc/hosts", encoding="utf-8") as file:
        for line in file:
            words = line.split("#")[0].split()
            if len(words) < 2:
                continue
            print(f"Handling {words[1].split('.')[0]} in /etc/hosts.")
            if words[0] in ("127.0.0.1", "::1"):
                continue
            short = [name for name in words[1:] if "." not in name]
            names = list(dict.fromkeys([f"{name}.{domain}" for name in short] + words[1:]))
            lines.append(f"host-record={','.join(names)},{words[0]}")
    print("Getting reverse zones, this may take several minutes for a large cluster.\nCompleted getting reverse zones.")
    print("Updating zones.")
    replace("/etc/named.conf", "\n".join(lines) + "\n")
    tested("/etc/named.conf")
    print("Completed updating zones.")
    if "-n" in arguments or "--new" in arguments:
        print("Restarting named")
        restart("named")
        print("Restarting named complete")
    print("Updating DNS records, this may take several minutes for a large cluster.\nCompleted updating DNS records.\nDNS setup is completed")


DHCPD = "/etc/dhcp/dhcpd.conf"
DHCP_HOSTS = "/var/lib/dhcpd/hosts"


def makedhcp(arguments):
    values = site()
    if "-n" in arguments:
        if os.path.exists(DHCPD):
            print(f"Renamed existing dhcp configuration file to  {DHCPD}.xcatbak\n")
            os.rename(DHCPD, f"{DHCPD}.xcatbak")
        lines = ["#xCAT generated dhcp configuration", "port=0", "bind-dynamic", "user=root", f"interface={values.get('dhcpinterfaces', 'net0')}",
                 f"dhcp-hostsfile={DHCP_HOSTS}", "dhcp-leasefile=/var/lib/dhcpd/dhcpd.leases", "dhcp-authoritative"]
        for net in records("networks"):
            lines.append(f"dhcp-range={net['net']},static,{net['mask']}")
            if "tftpserver" in net:
                lines.append(f"dhcp-option=option:server-ip-address,{net['tftpserver']}")
            print(f"Warning: No dynamic range specified for {net['net']}. If hardware discovery is being used, a dynamic range is required.")
        os.makedirs("/var/lib/dhcpd", exist_ok=True)
        replace(DHCP_HOSTS, "")
        replace(DHCPD, "\n".join(lines) + "\n")
        tested(DHCPD)
        restart("dhcpd")
        return
    if "-a" not in arguments:
        raise Failed("Usage: makedhcp -n\n       makedhcp -a")
    # They are told to the daemon that runs, as xCAT does by OMAPI.
    try:
        with open("/run/dhcpd.pid", encoding="utf-8") as file:
            pid = int(file.read())
        os.kill(pid, 0)
    except (OSError, ValueError) as error:
        raise Failed("Error: Unable to add the nodes: dhcpd is not running.") from error
    addresses = {row["node"]: row["ip"] for row in records("hosts")}
    replace(DHCP_HOSTS, "".join(f"{row['mac']},{addresses[row['node']]},{row['node']}\n" for row in records("mac") if row["node"] in addresses))
    os.kill(pid, signal.SIGHUP)


def makeconservercf(_):
    master = site().get("master", "")
    text = f"access * {{\n  trusted 127.0.0.1;\n  trusted {master};\n}}\n"
    for row in records("nodehm"):
        if row.get("cons"):
            text += f"#xCAT BEGIN {row['node']} CONS\nconsole {row['node']} {{\n  type exec;\n}}\n#xCAT END {row['node']} CONS\n"
    replace("/etc/conserver.cf", text)
    restart("conserver")


def makegocons(_):
    site()
    replace("/etc/goconserver/server.conf", "global:\n  host: 0.0.0.0\n")
    restart("goconserver")
    for row in records("nodehm"):
        if row.get("cons"):
            print(f"{row['node']}: Created")


def of_nim(arguments):
    """nimnodeset and mkdsklsnode: the nodes of the noderange are in the node list."""
    known = {}
    for row in records("nodelist"):
        known[row["node"]] = [row["node"]]
        for group in row.get("groups", "").split(","):
            known.setdefault(group, []).append(row["node"])
    ranges = [argument for argument in arguments if not argument.startswith("-") and "=" not in argument]
    for word in ",".join(ranges).split(","):
        if word not in known:
            raise Failed(f"Error: Invalid nodes and/or groups in noderange: {word}")
    if not ranges:
        raise Failed("Error: a noderange is missing")
    print("AIX/NIM nodes were initialized.")


COMMANDS = {"xcatd": xcatd, "tabdump": tabdump, "lsxcatd": lsxcatd, "makedns": makedns, "makedhcp": makedhcp,
            "makeconservercf": makeconservercf, "makegocons": makegocons, "nimnodeset": of_nim, "mkdsklsnode": of_nim}


def bent(command):
    try:
        with open(f"/etc/xcat.broken/{command}", encoding="utf-8") as file:
            return file.read().strip()
    except OSError:
        return ""


def main():
    name, arguments = os.path.basename(sys.argv[0]), sys.argv[1:]
    if name == "xcat.py":
        name, arguments = (arguments[:1] or [""])[0], arguments[1:]
    if name not in COMMANDS:
        sys.exit(f"xcat.py: {name!r} is no command of it")
    if ON_A_NODE:
        os.makedirs("/var/log/xcat", exist_ok=True)
        with open("/var/log/xcat/commands.log", "a", encoding="utf-8") as log:
            log.write(" ".join([name, *arguments]) + "\n")
    how = bent(name)
    if how == "fails":
        sys.exit(f"Error: {name}: bent to fail")
    if how == "hangs":
        while True:
            time.sleep(1000)
    sys.stdout = io.StringIO()
    try:
        COMMANDS[name](arguments)
    except Failed as error:
        told()
        sys.exit(re.sub(r"\s+$", "", str(error)))
    told()


def told():
    """As Perl's print: where it cannot be written, on a full disk, the program goes on."""
    left = sys.stdout.getvalue().encode(errors="surrogateescape")
    try:
        while left:
            left = left[os.write(1, left):]
    except OSError:
        pass


main()
