"""A mail server for tests: aiosmtpd, which misbehaves towards the recipients whose names say so.

mail_server.py RECORD [--tls CERT KEY] [--implicit] [--login USER PASSWORD]
Prints its port. Adds a line of JSON to the file RECORD for each message it was given: {"to", "kept", "message"}.
"""

import argparse
import asyncio
import json
import ssl

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword


class Handler:
    def __init__(self, record):
        self.record = record
        self.has_been_silent = False

    async def handle_MAIL(self, server, session, envelope, address, options):
        if address.startswith("unwanted@"):
            return "550 5.7.1 not from you"
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):
        name = address.split("@")[0]
        if name == "greylisted":
            return "451 4.7.1 come back later"
        if name == "full":
            return "452 4.2.2 mailbox full"
        if name == "nobody":
            return "550 5.1.1 no such mailbox"
        if name == "hangup":
            server.transport.close()
            return "421 never heard"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        name = envelope.rcpt_tos[0].split("@")[0]
        kept = name not in ("spam", "busy")
        with open(self.record, "a") as record:
            message = envelope.content.decode("latin-1")
            record.write(json.dumps({"to": envelope.rcpt_tos[0], "kept": kept, "message": message}) + "\n")
        if name == "spam":
            return "554 5.7.1 not wanted"
        if name == "busy":
            return "451 4.3.0 try again"
        if name == "silent" or (name == "silent-once" and not self.has_been_silent):
            self.has_been_silent = True
            await asyncio.sleep(3600)
        if name == "dropped":
            server.transport.close()
            await asyncio.sleep(3600)
        return "250 OK"


def authenticator(user, password):
    def check(server, session, envelope, mechanism, data):
        right = isinstance(data, LoginPassword) and data.login == user.encode() and data.password == password.encode()
        return AuthResult(success=right, handled=False)

    return check


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("record")
    parser.add_argument("--tls", nargs=2)
    parser.add_argument("--implicit", action="store_true")
    parser.add_argument("--login", nargs=2)
    options = parser.parse_args()
    context = None
    if options.tls:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(*options.tls)
    settings = {"hostname": "localhost"}
    if context and not options.implicit:
        settings.update(tls_context=context, require_starttls=True)
    if options.login:
        settings.update(
            authenticator=authenticator(*options.login), auth_required=True, auth_require_tls=not options.implicit
        )
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(Handler(options.record), **settings), host="127.0.0.1", port=0, ssl=context if options.implicit else None
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.Event().wait()


asyncio.run(main())
