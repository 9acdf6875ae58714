#!/usr/bin/env python3
"""database.py ROOT DIRECTORY: the xCAT database of the pair, in SQLite, a file per table.

scripts/sample-xcat-db makes the tables; what is in them is this pair: the service address as master and name server, and three
nodes on its network.
"""
import contextlib
import os
import sqlite3
import subprocess
import sys

VIP = "10.77.0.10"
NODES = {f"node{n:02d}": (f"10.77.0.{100 + n}", f"42:10:77:00:00:{n:02x}") for n in (1, 2, 3)}
ROWS = {
    "site": [dict(key=key, value=value) for key, value in [
        ("domain", "cluster.example.com"), ("master", VIP), ("nameservers", VIP), ("dhcpinterfaces", "net0"),
        ("installdir", "/install"), ("tftpdir", "/tftpboot"), ("xcatdport", "3001"), ("xcatiport", "3002"), ("timezone", "UTC")]],
    "nodelist": [dict(node=node, groups="compute,all", status="booted") for node in NODES],
    "hosts": [dict(node=node, ip=ip, hostnames=f"{node}.cluster.example.com") for node, (ip, _) in NODES.items()],
    "mac": [dict(node=node, interface="eth0", mac=mac) for node, (_, mac) in NODES.items()],
    "nodehm": [dict(node=node, mgt="ipmi", power="ipmi", cons="ipmi") for node in NODES],
    "noderes": [dict(node="compute", netboot="xnba", installnic="mac", tftpserver=VIP, nfsserver=VIP, xcatmaster=VIP)],
    "networks": [dict(netname="10_77_0_0", net="10.77.0.0", mask="255.255.255.0", mgtifname="net0", gateway="10.77.0.254",
                      tftpserver=VIP, nameservers=VIP, dhcpserver=VIP)],
    "policy": [dict(priority=priority, name=name, rule="trusted" if "xcatmn" in name else "allow") for priority, name in [
        ("1", "root"), ("1.2", "xcatmn1"), ("1.3", "xcatmn2"), ("1.4", "xcatmn")]],
}


def main():
    root, directory = sys.argv[1:]
    subprocess.run([sys.executable, os.path.join(root, "scripts/sample-xcat-db"), directory, "1"], check=True)
    for table, rows in ROWS.items():
        # No file outlives this: what has no journal is not synced either.
        with contextlib.closing(sqlite3.connect(os.path.join(directory, f"{table}.sqlite"), isolation_level=None)) as database:
            database.execute("PRAGMA synchronous = OFF")
            database.execute("BEGIN")
            database.execute(f"DELETE FROM {table}")
            for row in rows:
                columns = ", ".join(f'"{column}"' for column in row)
                database.execute(f"INSERT INTO {table} ({columns}) VALUES ({', '.join('?' * len(row))})", list(row.values()))
            database.execute("COMMIT")


main()
