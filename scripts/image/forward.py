"""A published port: what comes to PORT of this machine goes on to ADDRESS and PORT there.

usage: forward.py PORT ADDRESS PORT
"""

import asyncio
import sys


async def pump(reader, writer):
    try:
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()


async def main(port, address, target):
    async def connected(reader, writer):
        try:
            there, back = await asyncio.open_connection(address, int(target))
        except OSError:
            writer.close()
            return
        await asyncio.gather(pump(reader, back), pump(there, writer))

    server = await asyncio.start_server(connected, "127.0.0.1", int(port))
    await server.serve_forever()


asyncio.run(main(*sys.argv[1:]))
