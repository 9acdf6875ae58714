"""Listens where the file ports of the world says ("ADDRESS PORT" lines), anew at each SIGHUP; says ports.done when it does."""
import os
import selectors
import signal
import socket
import sys

world = sys.argv[1]
open_ports = {}
selector = selectors.DefaultSelector()
wake, woken = os.pipe()
os.set_blocking(woken, False)


def read_ports():
    with open(os.path.join(world, "ports"), encoding="ascii") as lines:
        wanted = {(address, int(port)) for address, port in (line.split() for line in lines)}
    for at in set(open_ports) - wanted:
        selector.unregister(open_ports[at])
        open_ports.pop(at).close()
    for at in wanted - set(open_ports):
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(at)
        except OSError as error:
            print(f"listener: {at}: {error}", file=sys.stderr)
            listener.close()
            continue
        listener.listen(16)
        open_ports[at] = listener
        selector.register(listener, selectors.EVENT_READ)
    with open(os.path.join(world, "ports.done"), "w", encoding="ascii"):
        pass


signal.signal(signal.SIGHUP, lambda *_: os.write(woken, b"."))
selector.register(wake, selectors.EVENT_READ)
signal.alarm(300)
read_ports()
while True:
    for key, _ in selector.select():
        if key.fileobj == wake:
            os.read(wake, 64)
            read_ports()
        else:
            key.fileobj.accept()[0].close()
