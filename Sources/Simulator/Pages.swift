import Notation

/// One page that shows what was done for whom, on a telephone too; payments are paid on it, text messages answered, appointments decided.
struct Pages: Sendable {
    let world: World

    /// Nil when it is no page of ours.
    func answer(_ asked: Asked, method: String) -> Reply? {
        switch (method, asked.path.first ?? "", asked.path.count) {
        case ("GET", "", 0): return index()
        case ("POST", "pages", 2): return act(asked)
        default: return nil
        }
    }

    private func act(_ asked: Asked) -> Reply {
        let id = asked.form["id"] ?? ""
        let isDone: Bool
        switch asked.path[1] {
        case "pay": isDone = PaymentPart(world: world).pay(id) != nil
        case "answer": isDone = TextPart(world: world).reply(to: id, words: String((asked.form["words"] ?? "").prefix(1600)))
        case "cancel-record": isDone = RecordsPart(world: world).changeThere(id, status: "cancelled", laterBy: nil) != nil
        case "move-record": isDone = RecordsPart(world: world).changeThere(id, status: nil, laterBy: 60) != nil
        case "fail-refund": isDone = PaymentPart(world: world).decide(refund: id, isDone: false)
        case "finish-refund": isDone = PaymentPart(world: world).decide(refund: id, isDone: true)
        case "confirm": isDone = SchedulingPart(world: world).decide(id, isConfirmed: true)
        case "refuse": isDone = SchedulingPart(world: world).decide(id, isConfirmed: false)
        default: isDone = false
        }
        return isDone ? .seeOther("/") : Reply(409) { $0.member("error", "there is nothing to do, or nobody to tell") }
    }

    static func escaped(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;").replacing(
            "\"", with: "&quot;"
        )
        .replacing("'", with: "&#39;")
    }

    /// The same where what looks like an address can be followed.
    static func linked(_ text: String) -> String {
        escaped(text).replacing(/https?:\/\/[^\s<]+/) { "<a href=\"\($0.output)\">\($0.output)</a>" }
    }

    private static func button(_ act: String, _ id: String, _ label: String, _ more: String = "") -> String {
        """
        <form method="post" action="/pages/\(act)"><input type="hidden" name="id" value="\(escaped(id))">\(more)\
        <button>\(label)</button></form>
        """
    }

    private func index() -> Reply {
        let (effects, tallies, forgotten) = world.change {
            ($0.ledger.listed(nil), $0.ledger.tallies, $0.ledger.forgotten)
        }
        var html = Self.head
        html += mails() + messages() + texts() + payments() + appointments() + records()
        html += "<h2>Done for whom</h2><table><tr><th>Where<th>Asked<th>Done<th>Repeats<th>Webhooks</tr>"
        for part in Part.allCases {
            let tally = tallies[part] ?? Tally()
            html +=
                "<tr><td>\(part.rawValue)<td>\(tally.requests)<td>\(tally.effects)<td>\(tally.repeats)<td>\(tally.webhooksTaken) of \(tally.webhooksSent)</tr>"
        }
        html += "</table>"
        html += "<h2>Effects</h2><p>The last \(min(effects.count, 200)) of \(effects.count + forgotten).</p>"
        for effect in effects.suffix(200).reversed() {
            let mark = effect.count > 1 ? " class=\"twice\"" : ""
            html += """
                <article\(mark)><b>\(effect.part.rawValue): \(Self.escaped(effect.what))</b> \(effect.count)× \
                (asked again \(effect.repeats)×)<br><small>\(Self.escaped(effect.key))<br>\
                \(effect.times.map(Self.escaped).joined(separator: ", "))</small></article>
                """
        }
        return Reply(html: html + "</main></body></html>")
    }

    private func payments() -> String {
        let (all, refunds) = world.change { state in
            (state.intents.newest.prefix(50), Dictionary(grouping: state.refunds.all, by: \.intent))
        }
        if all.isEmpty { return "<h2>Payments</h2><p>None yet.</p>" }
        return "<h2>Payments</h2>"
            + all.map { intent in
                let open = intent.status == "requires_payment_method"
                let price = "\(intent.amount / 100).\(intent.amount % 100 < 10 ? "0" : "")\(intent.amount % 100)"
                return """
                    <article><b>\(price) \(Self.escaped(intent.currency))</b> \(Self.escaped(intent.status))\
                    \(intent.refunded > 0 ? ", given back \(intent.refunded)" : "")<br><small>\(Self.escaped(intent.id))</small>\
                    \(open ? Self.button("pay", intent.id, "Pay") : "")\((refunds[intent.id] ?? []).map(Self.line).joined())</article>
                    """
            }.joined()
    }

    private static func line(_ refund: GivenBack) -> String {
        let isPending = refund.status == "pending"
        return """
            <p>back: \(refund.amount), \(escaped(refund.status)) <small>\(escaped(refund.id))</small> \
            \(isPending ? button("finish-refund", refund.id, "It arrives") : "")\
            \(refund.status == "failed" ? "" : button("fail-refund", refund.id, "It fails"))</p>
            """
    }

    private func texts() -> String {
        let all = world.change { $0.texts.newest }.prefix(50)
        if all.isEmpty { return "<h2>Text messages</h2><p>None yet.</p>" }
        return "<h2>Text messages</h2>"
            + all.map { text in
                let field = "<input name=\"words\" placeholder=\"Answer\" required maxlength=\"1600\"> "
                return """
                    <article><b>\(text.isReply ? "from \(Self.escaped(text.from))" : "to \(Self.escaped(text.to))")</b>\
                    <p>\(Self.linked(text.body))</p><small>\(Self.escaped(text.sid)), \(Self.escaped(text.status))</small>\
                    \(text.isReply ? "" : Self.button("answer", text.sid, "Answer", field))</article>
                    """
            }.joined()
    }

    private func appointments() -> String {
        let all = world.change { $0.scheduled.newest }.prefix(50)
        if all.isEmpty { return "<h2>Appointments elsewhere</h2><p>None yet.</p>" }
        return "<h2>Appointments elsewhere</h2>"
            + all.map { thing in
                let buttons =
                    thing.state == "pending"
                    ? Self.button("confirm", thing.id, "Confirm") + Self.button("refuse", thing.id, "Refuse") : ""
                return """
                    <article><b>\(Self.escaped(thing.time))</b> \(Self.escaped(thing.provider)): \(thing.state)<br>\
                    <small>\(Self.escaped(thing.id))</small>\(buttons)</article>
                    """
            }.joined()
    }

    private func mails() -> String {
        let all = world.change { $0.mails.newest }.prefix(50)
        if all.isEmpty { return "<h2>Mail</h2><p>None yet.</p>" }
        return "<h2>Mail</h2>"
            + all.map { mail in
                """
                <article><b>\(Self.escaped(mail.subject))</b><br><small>to \(Self.escaped(mail.to)), from \(Self.escaped(mail.from))\
                \(mail.messageID.map { ", by SMTP as \(Self.escaped($0))" } ?? "")</small><pre>\(Self.linked(mail.text))</pre></article>
                """
            }.joined()
    }

    private func messages() -> String {
        let all = world.change { $0.published.newest }
        if all.isEmpty { return "<h2>Messages on the bus</h2><p>None yet.</p>" }
        let exchanges = Dictionary(grouping: all, by: \.exchange).sorted { $0.key < $1.key }
        return "<h2>Messages on the bus</h2>"
            + exchanges.map { name, messages in
                "<h3>\(name.isEmpty ? "the default exchange" : Self.escaped(name)): \(messages.count)</h3>"
                    + messages.prefix(20).map { message in
                        """
                        <article><b>\(Self.escaped(message.routingKey))</b><br><small>\(Self.escaped(message.messageID ?? "no message-id")), \
                        \(message.isPersistent ? "outlives a restart" : "gone with a restart"), \(message.size) bytes of \
                        \(Self.escaped(message.contentType ?? "nobody knows what"))</small><pre>\(Self.escaped(message.text))</pre></article>
                        """
                    }.joined()
            }.joined()
    }

    private func records() -> String {
        let all = world.change { $0.records.newest }.prefix(50)
        if all.isEmpty { return "<h2>Records</h2><p>None yet.</p>" }
        return "<h2>Records</h2>"
            + all.map { held -> String in
                let json = document(Array(held.body.utf8))
                return """
                    <article><b>\(Self.escaped(json?["start"]?.string ?? "")): \(Self.escaped(json?["status"]?.string ?? ""))</b>, \
                    version \(held.version)<br><small>Appointment/\(Self.escaped(held.id)), \(Self.escaped(held.identifier))</small><br>\
                    \(Self.button("cancel-record", held.id, "Cancel there"))\
                    \(Self.button("move-record", held.id, "An hour later there"))</article>
                    """
            }.joined()
    }

    private static let head = """
        <!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
        <title>MediConnect simulator</title><style>
        body{font:16px/1.5 system-ui,sans-serif;margin:0;color:#1b1b1b;background:#fff}main{max-width:48rem;margin:auto;padding:1rem}
        table{width:100%;border-collapse:collapse}th,td{text-align:left;padding:.3rem;border-bottom:1px solid #ccc}
        article{border:1px solid #ccc;border-radius:.5rem;padding:.6rem;margin:.5rem 0;overflow-wrap:anywhere}
        .twice{border:2px solid #b00020}button,input{font:inherit;min-height:44px;padding:0 .8rem;margin:.3rem 0}
        input{max-width:60%}form{display:inline-block;margin-right:.5rem}.note{background:#fff3cd;padding:.6rem;border-radius:.5rem}
        pre{white-space:pre-wrap}</style></head><body><main><h1>MediConnect simulator</h1>
        <p class="note">Nothing here is real: no text message, no mail and no money leaves this machine.</p>
        """
}
