import Letters
import Notation
import People
import Workflows

/// How a clinic puts what it tells its patients.
struct TemplateRoutes {
    var routes: [Route] { [list, change, restore, preview] }

    private var list: Route {
        Route(
            .get, "/v1/message-templates", "listMessageTemplates", "Every message as this clinic puts it",
            gives: "MessageTemplateList"
        ) { exchange, clinic in
            let templates = try await clinic.templates(for: exchange.call)
            return .json(reserving: 16 * 1024) { json in
                json.object { json in
                    json.name("items")
                    json.array(of: templates) { $1.write(to: &$0) }
                }
            }
        }
    }

    private var change: Route {
        Route(
            .put, "/v1/message-templates/{kind}/{language}", "setMessageTemplate", "Put a message otherwise from now on",
            takes: "MessageTemplateRequest", gives: "MessageTemplate", problems: [.notFound]
        ) { exchange, clinic in
            let (kind, language) = try exchange.template()
            let fields = exchange.fields()
            let template = MessageTemplate(fields, otherwise: kind.template(in: language))
            try fields.check()
            return Answer(
                try await clinic.setTemplate(
                    of: kind, in: language, to: template, call: exchange.call, wording: exchange.wording { $0.stored }))
        }
    }

    private var restore: Route {
        Route(
            .delete, "/v1/message-templates/{kind}/{language}", "restoreMessageTemplate", "Put a message as usual again",
            gives: "MessageTemplate", problems: [.notFound]
        ) { exchange, clinic in
            let (kind, language) = try exchange.template()
            try exchange.fields().check()
            return Answer(
                try await clinic.setTemplate(
                    of: kind, in: language, to: nil, call: exchange.call, wording: exchange.wording { $0.stored }))
        }
    }

    private var preview: Route {
        .forPremises(
            .post, "/v1/messages/preview", "previewMessage", "A message with made-up data: as it is put, or as it would be",
            takes: "MessagePreviewRequest", gives: "MessagePreview"
        ) { exchange, premises in
            let fields = exchange.fields()
            let kind = fields.choice("kind", MessageKind.self)
            let language = fields.choice("language", WrittenLanguage.self)
            let usual = kind.template(in: language)
            let template = fields.object("override") { MessageTemplate($0, otherwise: usual) }
            try fields.check()
            let stationery =
                try premises.stationery ?? Stationery(from: Sender("MediConnect <noreply@clinic.invalid>")!, links: exchange.base)
            return Answer(
                try await premises.clinic.previewMessage(
                    of: kind, in: language, template, on: stationery, call: exchange.call, wording: exchange.wording { $0.stored }
                ))
        }
    }
}

extension Exchange {
    fileprivate func template() throws(Problem) -> (MessageKind, WrittenLanguage) {
        guard let kind = parameters["kind"].flatMap(MessageKind.init(rawValue:)),
            let language = parameters["language"].flatMap(WrittenLanguage.init(rawValue:))
        else { throw Problem(.notFound) }
        return (kind, language)
    }
}

extension StoredTemplate {
    fileprivate var stored: StoredAnswer {
        var json = JSONWriter()
        write(to: &json)
        return StoredAnswer(status: 200, body: json.bytes)
    }
}

extension MessagePreview {
    fileprivate var stored: StoredAnswer {
        var json = JSONWriter()
        json.object { json in
            json.member("subject", mail.subject)
            json.member("text", mail.text)
            json.member("html", mail.html)
            json.member("sms", sms)
            json.name("notice")
            json.object { json in
                json.member("title", notice.title)
                json.member("text", notice.text)
                if let link = notice.link { json.member("link", link) }
            }
        }
        return StoredAnswer(status: 200, body: json.bytes)
    }
}
