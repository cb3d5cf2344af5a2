import NIOCore
import Notation

/// A mail server, and the mailboxes behind it: `smtp://127.0.0.1:PORT`, without TLS. It takes letters from anybody; whoever signs in has to be
/// `user` with `password`.
///
/// A letter that comes again under its `Message-ID` is shown once, as mail systems that look at it do; one that is `forgetful` has it twice.
struct LetterPart: Sendable {
    static let user = "clinic"
    static let password = "simulated-mail"

    let world: World

    func fate() -> (Fate, Mode) {
        // No mode of a mail server's spares anybody.
        world.fate(of: .smtp, .change) ?? (.answers, Mode())
    }

    func note(_ status: Int) { world.noteAnswer(status, of: .smtp) }

    /// Into each recipient's mailbox.
    func take(_ bytes: [UInt8], from: String, to: [String], _ mode: Mode) {
        let (now, letter) = (world.now, ReadLetter(bytes))
        world.change { state in
            for recipient in to {
                let id = state.name("", .smtp, 22)
                let key = "\(letter.messageID?.prefix(200) ?? id[...]) \(recipient)"
                if mode.forgetful != true, state.ledger.effect(.smtp, "letter", key: key) != nil {
                    state.noteRepeat(.smtp, "letter", key: key)
                    continue
                }
                state.put(
                    SentMail(
                        id: id, from: from, to: recipient, subject: letter.subject, text: letter.text, hasHTML: letter.hasHTML,
                        createdAt: now.secondsSince1970, messageID: letter.messageID))
                state.note(.smtp, "letter", key: key, made: id, at: now, as: mode)
            }
        }
    }

    // MARK: On the wire

    /// Until the client goes, or has made too many mistakes.
    func converse(_ line: PlainLine, hangs: Span) async throws {
        try await line.executeThenClose { inbound, outbound in
            var (lines, talk) = (SMTPLines(), SMTPTalk(self))
            try await outbound.write(ByteBuffer(string: SMTPTalk.greeting + "\r\n"))
            var incoming = inbound.makeAsyncIterator()
            while var bytes = try await incoming.next() {
                lines.add(&bytes)
                while let heard = lines.next() {
                    switch talk.hear(heard) {
                    case .nothing: break
                    case .says(let words, let delay):
                        if let delay { try await world.pause(.milliseconds(delay)) }
                        try await outbound.write(ByteBuffer(string: words + "\r\n"))
                    case .hangsUp(let words): return try await outbound.write(ByteBuffer(string: words + "\r\n"))
                    case .isSilent: return try await hold(line.channel, hangs, &incoming)
                    }
                }
            }
        }
    }

    /// Without a word, until they have had enough of it.
    private func hold(
        _ channel: any Channel, _ hangs: Span, _ incoming: inout NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator
    ) async throws {
        let end = channel.eventLoop.scheduleTask(in: .microseconds(hangs.microseconds)) { channel.close(promise: nil) }
        defer { end.cancel() }
        while try await incoming.next() != nil {}
    }
}
