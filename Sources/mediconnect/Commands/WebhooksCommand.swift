import ArgumentParser
import Foundation
import Notation
import People
import Scheduling
import Storage
import Workflows

struct WebhooksCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "webhooks", abstract: "Look after those outside who are told what changes.",
        discussion: """
            'list', 'show' and 'deliveries' work beside a running server, and so do the others where the database is a server's. With the \
            embedded database they need the server stopped; a running one is asked over its API (/v1/webhooks). A secret is shown once, on \
            standard output. Who did what stands in the audit trail. docs/guides/webhooks.md says what a receiver has to do.
            """,
        subcommands: [
            List.self, Show.self, Add.self, Test.self, RotateSecret.self, Deliveries.self, Disable.self, Enable.self, Remove.self,
        ], defaultSubcommand: List.self)

    /// What commands take that are about one webhook.
    struct WebhookOptions: ParsableArguments {
        @OptionGroup var clinic: ClinicOptions
        @Argument(help: "Which one (a UUID).")
        var webhook: String

        func validate() throws {
            if ID<Webhook>(webhook) == nil { throw ValidationError("a webhook is named by a UUID") }
        }

        var id: ID<Webhook> {
            get throws {
                guard let id = ID<Webhook>(webhook) else { throw ValidationError("a webhook is named by a UUID") }
                return id
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show all of them: which, how they stand, where, and of what they are told.")
        @OptionGroup var options: ClinicOptions
        @Flag(help: "As JSON, one object a line.")
        var json = false

        func run() async throws {
            let asJSON = json
            try await WebhooksCommand.looking(options) { clinic in
                let webhooks = try await clinic.webhooks(for: .typed("webhooks list"))
                for webhook in webhooks {
                    print(
                        asJSON
                            ? WebhooksCommand.line { webhook.write(to: &$0) }
                            : "\(webhook.id)  \(webhook.state.rawValue)  \(webhook.url.revealed)  \(webhook.wanted)")
                }
                if webhooks.isEmpty && !asJSON { print("No webhooks.") }
            }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show one, without its secret.")
        @OptionGroup var one: WebhookOptions

        func run() async throws {
            let id = try one.id
            try await WebhooksCommand.looking(one.clinic) { clinic in
                let webhook = try await clinic.webhook(id, for: .typed("webhooks show"))
                print("id           \(webhook.id)")
                print("url          \(webhook.url.revealed)")
                print("description  \(webhook.description?.revealed ?? "none")")
                print("events       \(webhook.wanted)")
                let why = webhook.disabling.map {
                    " since \($0.at), \($0.because == .gone ? "they want nothing more" : "by hand")"
                }
                print("state        \(webhook.state.rawValue)\(why ?? "")")
                if let old = webhook.oldSecret { print("old secret   signs too until \(old.until)") }
                print("made         \(webhook.createdAt) by \(webhook.createdBy)")
                print("version      \(webhook.version)")
            }
        }
    }

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Tell somebody what changes, and print the secret that signs it.",
            discussion: "Kinds of events: \(AppointmentEvent.Kind.allCases.map(\.rawValue).joined(separator: ", ")).")
        @OptionGroup var options: ClinicOptions
        @Argument(help: "Where: https://hooks.hospital.org/mediconnect")
        var url: String
        @Option(help: "Of what, with commas between; '*' is all there are and will be.")
        var events: String
        @Option(help: "What people call it, up to 200 characters.")
        var description: String?

        func run() async throws {
            let draft = try draft()
            try await WebhooksCommand.changing(options) { clinic in
                if let objection = clinic.objection(toWebhookAt: draft.url.revealed) { throw Complaint("the url \(objection)") }
                do {
                    let (webhook, secret) = try await clinic.createWebhook(draft, for: .typed("webhooks add"))
                    print("Webhook \(webhook.id) is told of \(webhook.wanted). Its secret, which is shown once:\n\(secret.text)")
                } catch WebhookFault.tooMany {
                    throw Complaint("there are \(Webhook.most) webhooks already: remove one that nobody needs")
                }
            }
        }

        private func draft() throws -> WebhookDraft {
            let names = events.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
            for name in names where WantedEvent(name) == nil {
                throw ValidationError("--events: there is no kind '\(name)'; 'mediconnect webhooks add --help' lists them")
            }
            guard !names.isEmpty else { throw ValidationError("--events must name at least one kind, or be '*'") }
            if let description, !(1...200).contains(description.count) {
                throw ValidationError("--description must be text of 1 to 200 characters")
            }
            return WebhookDraft(
                url: Personal(url), description: description.map { Personal($0) },
                events: Set(names).sorted().compactMap { WantedEvent($0) })
        }
    }

    struct Test: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Tell one a test, whatever it wants to be told of.",
            discussion: "A server carries it: a running one at once, with the embedded database the next that is started.")
        @OptionGroup var one: WebhookOptions

        func run() async throws {
            let id = try one.id
            try await WebhooksCommand.changing(one.clinic) { clinic in
                let delivery: ID<WebhookDelivery>
                do {
                    delivery = try await clinic.testWebhook(
                        id, call: .typed("webhooks test"), wording: .unheard
                    ).value()
                } catch Refusal.transitionNotAllowed { throw Complaint("it is disabled: enable it first") }
                print("The test is delivery \(delivery); 'mediconnect webhooks deliveries \(id)' says what becomes of it.")
            }
        }
    }

    struct RotateSecret: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "rotate-secret", abstract: "Give one another secret, and print it; for a day the one before signs too.")
        @OptionGroup var one: WebhookOptions

        func run() async throws {
            let id = try one.id
            try await WebhooksCommand.changing(one.clinic) { clinic in
                let (webhook, secret) = try await clinic.rotateWebhookSecret(of: id, for: .typed("webhooks rotate-secret"))
                let until = webhook.oldSecret.map { "The old secret signs too until \($0.until). " } ?? ""
                print("\(until)The new one, which is shown once:\n\(secret.text)")
            }
        }
    }

    struct Deliveries: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show what became of telling one, the latest first.", discussion: "It is kept for thirty days.")
        @OptionGroup var one: WebhookOptions
        @Option(help: "How many at most.")
        var limit = 20
        @Flag(help: "As JSON, one object a line.")
        var json = false

        func run() async throws {
            let (id, limit, asJSON) = (try one.id, limit, json)
            guard (1...10_000).contains(limit) else { throw ValidationError("--limit must be from 1 to 10000") }
            try await WebhooksCommand.looking(one.clinic) { clinic in
                var (after, left) = (Cursor?.none, limit)
                repeat {
                    let page = try await clinic.webhookDeliveries(
                        of: id, page: PageRequest(after: after, limit: min(left, PageRequest.most)),
                        for: .typed("webhooks deliveries"))
                    for delivery in page.elements {
                        print(asJSON ? WebhooksCommand.line { delivery.write(to: &$0) } : delivery.words)
                    }
                    if left == limit, page.elements.isEmpty, !asJSON { print("Nothing was to be told.") }
                    left -= page.elements.count
                    after = page.next
                } while after != nil && left > 0
            }
        }
    }

    struct Disable: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Tell one nothing until it is enabled again; what is on its way is given up.")
        @OptionGroup var one: WebhookOptions

        func run() async throws {
            let id = try one.id
            try await WebhooksCommand.changing(one.clinic) { clinic in
                _ = try await clinic.disableWebhook(
                    WebhookTarget(id: id), call: .typed("webhooks disable"), wording: .unheard
                ).value()
                print("Webhook \(id) is told nothing until it is enabled again.")
            }
        }
    }

    struct Enable: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Tell one what changes from now on; what changed meanwhile is in the feed.")
        @OptionGroup var one: WebhookOptions

        func run() async throws {
            let id = try one.id
            try await WebhooksCommand.changing(one.clinic) { clinic in
                _ = try await clinic.enableWebhook(
                    WebhookTarget(id: id), call: .typed("webhooks enable"), wording: .unheard
                ).value()
                print("Webhook \(id) is told what changes from now on.")
            }
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Tell one nothing any more, and forget it and its secret.")
        @OptionGroup var one: WebhookOptions

        func run() async throws {
            let id = try one.id
            try await WebhooksCommand.changing(one.clinic) { clinic in
                try await clinic.deleteWebhook(
                    WebhookTarget(id: id), call: .typed("webhooks remove"), wording: .unheard
                ).value()
                print("Webhook \(id) is forgotten.")
            }
        }
    }
}

extension WebhooksCommand {
    fileprivate static func looking(_ options: ClinicOptions, _ body: (Clinic) async throws -> Void) async throws {
        try await lookingAtClinic(options) { clinic in
            try await clinic.readKeys()
            try await answered { try await body(clinic) }
        }
    }

    fileprivate static func changing(_ options: ClinicOptions, _ body: (Clinic) async throws -> Void) async throws {
        try await withHouse(options) { house in
            try await house.migrator.requireCurrent()
            let clinic = try await house.openClinic()
            try await answered { try await body(clinic) }
        }
    }

    private static func answered(_ body: () async throws -> Void) async throws {
        do { try await body() } catch Refusal.recordUnknown {
            throw Complaint("there is no such webhook; 'mediconnect webhooks list' shows all")
        }
    }

    fileprivate static func line(_ write: (inout JSONWriter) -> Void) -> String {
        var json = JSONWriter()
        write(&json)
        return String(decoding: json.bytes, as: UTF8.self)
    }
}

extension Webhook {
    fileprivate var wanted: String { events.map(\.text).joined(separator: ", ") }
}

extension WebhookDelivery {
    fileprivate var words: String {
        let tries = "\(attempts) attempt\(attempts == 1 ? "" : "s")"
        let result = lastResult.map { "  \($0)" } ?? ""
        let next = nextAt.map { "  next \($0)" } ?? ""
        return "\(at)  \(kind)  \(state.rawValue)  \(tries)\(result)\(next)  \(event)"
    }
}
