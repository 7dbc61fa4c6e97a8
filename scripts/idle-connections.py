"""Connections that ask for the API versions once and then say nothing, until the process is ended.

usage: idle-connections.py PORT COUNT
"""

import signal
import socket
import struct
import sys

port, count = int(sys.argv[1]), int(sys.argv[2])
# ApiVersions, version 0, without a client id.
body = struct.pack(">hhih", 18, 0, 1, -1)
request = struct.pack(">i", len(body)) + body
connections = []
for _ in range(count):
    connection = socket.create_connection(("127.0.0.1", port))
    connection.sendall(request)
    (length,) = struct.unpack(">i", connection.recv(4, socket.MSG_WAITALL))
    connection.recv(length, socket.MSG_WAITALL)
    connections.append(connection)
print(f"{count} connections", flush=True)
signal.pause()
