"""A TCP proxy that records what passes, and cuts a connection behind an exact byte."""

import re
import socket
import threading


class Exchange:
    """A request, and what came back on the same connection from then on."""

    def __init__(self, request):
        self.request, self.response = request, b""

    def header(self, name):
        found = re.search(rf"(?im)^{re.escape(name)}: *(.*?)\r$", self.request.decode("latin-1"))
        return found[1] if found else None

    def is_for(self, path):
        return re.match(rf"GET {re.escape(path)}[ ?]", self.request.decode("latin-1")) is not None


class Proxy:
    def __init__(self, port):
        self.port = port
        self.lock = threading.Lock()
        self.recorded, self.cut = [], None

    def __enter__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.listener.close()

    def forget(self):
        """Leaves out what was recorded so far."""
        with self.lock:
            self.recorded = []

    def exchanges(self, path):
        with self.lock:
            return [exchange for exchange in self.recorded if exchange.is_for(path)]

    def cut_after(self, text):
        """Cuts the next connection on which this text comes back, right behind it; `None` cuts none."""
        with self.lock:
            self.cut = text

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self.port))
            for end in (client, server):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = Connection(self, client, server)
            threading.Thread(target=connection.to_server, daemon=True).start()
            threading.Thread(target=connection.to_client, daemon=True).start()


class Connection:
    def __init__(self, proxy, client, server):
        self.proxy, self.client, self.server = proxy, client, server
        self.exchange = None

    def to_server(self):
        # Browsers send a request without a body in one piece or more; a blank line ends it.
        unread = b""
        while data := receive(self.client):
            unread += data
            while b"\r\n\r\n" in unread:
                head, unread = unread.split(b"\r\n\r\n", 1)
                with self.proxy.lock:
                    self.exchange = Exchange(head + b"\r\n")
                    self.proxy.recorded.append(self.exchange)
            send(self.server, data)
        self.close()

    def to_client(self):
        while data := receive(self.server):
            keep, is_cut = self.record(data)
            send(self.client, data[:keep])
            if is_cut:
                break
        self.close()

    def record(self, data):
        """How much of the data is passed on, and whether the connection ends there."""
        with self.proxy.lock:
            before = len(self.exchange.response)
            self.exchange.response += data
            cut = self.proxy.cut
            at = self.exchange.response.find(cut) if cut else -1
            if at < 0:
                return len(data), False
            self.proxy.cut = None
            end = at + len(cut)
            self.exchange.response = self.exchange.response[:end]
            return max(0, end - before), True

    def close(self):
        for end in (self.client, self.server):
            try:
                # Wakes the thread that reads from it; closing alone does not.
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def receive(end):
    try:
        return end.recv(65536)
    except OSError:
        return b""


def send(end, data):
    try:
        end.sendall(data)
    except OSError:
        pass  # Its own thread sees that it is closed.
