import Configuration
import Connectors
import Foundation
import Letters
import Notation
import Resilience
import Workflows

/// How letters reach people.
struct MailSettings: Sendable {
    /// Nil writes them into the folder `mail` beside the database.
    var server: MailServer?
    var from: Sender
    /// Nil is where clients reach the server.
    var links: String?
    var language: WrittenLanguage
    /// How long a channel has to deliver a message to a patient before the next is used.
    var patience: Span
    /// How long before a visit its patients are reminded.
    var reminders: [Span]

    /// For `check`: no password.
    var listing: [(name: String, value: String)] {
        let address = server.map { "\($0.encryption == .implicit ? "smtps" : "smtp")://\($0.host):\($0.port)" }
        return [
            ("mail.url", address ?? "none: letters are written into the folder mail in data"),
            (
                "mail.from",
                from.name == from.address.host ? from.address.text.revealed : "\(from.name) <\(from.address.text.revealed)>"
            ),
            ("mail.tls", (server?.encryption ?? .startTLS).rawValue.lowercased()), ("mail.user", server?.user ?? "none"),
            ("mail.links", links ?? "public.url"), ("mail.language", language.rawValue),
            ("messages.patience", "\(patience.microseconds / 1_000_000) s"),
            (
                "messages.reminders",
                reminders.isEmpty ? "none" : reminders.map { "\($0.microseconds / 60_000_000)" }.joined(separator: ",") + " min"
            ),
        ]
    }
}

extension MailSettings {
    /// Reads them, and adds what is wrong to `problems`.
    init(_ config: ConfigReader, problems: inout [String]) {
        // mail.url: text, smtp://host:587 or smtps://host:465; default none, which writes letters into the folder `mail` in `data`, a
        // file each.
        let url = config.string(forKey: "mail.url").flatMap { $0.isEmpty ? nil : $0 }
        server = url.flatMap { MailServer(address: $0) }
        if url != nil, server == nil {
            problems.append("mail.url: must be smtp://host:port or smtps://host:port, without user and password")
        }
        // mail.from: text, an address or `City Clinic <noreply@clinic.example>`; needed with mail.url. The name stands in every letter.
        let from = config.string(forKey: "mail.from")
        self.from = from.flatMap { Sender($0) } ?? Sender("MediConnect <noreply@clinic.invalid>")!
        if from != nil, from.flatMap({ Sender($0) }) == nil {
            problems.append(
                "mail.from: must be an address, or a name with an address behind it: City Clinic <noreply@clinic.example>")
        }
        if url != nil, from == nil { problems.append("mail.from: is needed with mail.url") }
        // mail.tls: starttls or none; default starttls. With smtps:// it is TLS from the first byte. none is for a server on this machine.
        let encryption = config.string(forKey: "mail.tls", default: "starttls")
        if encryption == "none", server?.encryption == .startTLS { server?.encryption = .none }
        if !["starttls", "none"].contains(encryption) { problems.append("mail.tls: must be starttls or none") }
        if encryption == "none", let host = server?.host, !["localhost", "127.0.0.1"].contains(host) {
            problems.append("mail.tls: none is only for a server on this machine; letters carry what opens accounts")
        }
        // mail.user: text; default none, which does not sign in.
        server?.user = config.string(forKey: "mail.user").flatMap { $0.isEmpty ? nil : $0 }
        // mail.password: text, secret; better mail.password.file, a file that holds it and nothing else.
        server?.password = config.string(forKey: "mail.password", isSecret: true).map { Personal($0) }
        if let file = config.string(forKey: "mail.password.file") {
            let text = FileManager.default.contents(atPath: file).flatMap { String(data: $0, encoding: .utf8) }
            server?.password = text.map { Personal($0.trimmingCharacters(in: .newlines)) }
            if text == nil { problems.append("mail.password.file: \(file) cannot be read") }
        }
        if let server, (server.user == nil) != (server.password == nil) {
            problems.append("mail.user: goes with mail.password.file")
        }
        // mail.authorities: a file of certificates; default the machine's own. Who has to have signed the mail server's.
        server?.authorities = config.string(forKey: "mail.authorities").flatMap { $0.isEmpty ? nil : $0 }
        if let file = server?.authorities, !FileManager.default.isReadableFile(atPath: file) {
            problems.append("mail.authorities: \(file) cannot be read")
        }
        // mail.links: text; default public.url. What letters' links begin with, where pages are served from elsewhere.
        links = config.string(forKey: "mail.links").flatMap { $0.isEmpty ? nil : $0 }
        if let links, !links.hasPrefix("http://"), !links.hasPrefix("https://") {
            problems.append("mail.links: must start with http:// or https://")
        }
        // messages.patience: whole seconds, 1 to 86400; default 900. How long a channel has to deliver a message to a patient before the next
        // is used.
        let patience = config.int(forKey: "messages.patience", default: 900)
        self.patience = .seconds(min(max(1, patience), 86_400))
        if !(1...86_400).contains(patience) { problems.append("messages.patience: must be 1 to 86400 seconds") }
        // messages.reminders: whole minutes before a visit, 5 to 20160, with commas between; default 1440,120. `none` reminds nobody.
        let texts = (config.string(forKey: "messages.reminders") ?? "1440,120").split(separator: ",").map {
            $0.filter { $0 != " " }
        }
        let minutes = texts.compactMap { Int($0) }.filter { (5...20_160).contains($0) }
        reminders = Set(minutes).sorted(by: >).map { .minutes($0) }
        if texts != ["none"], minutes.count != texts.count {
            problems.append("messages.reminders: must be minutes from 5 to 20160 with commas between, or none")
        }
        // mail.language: en, de or fr; default en. For whoever has not said what they read.
        let language = config.string(forKey: "mail.language", default: WrittenLanguage.english.rawValue)
        self.language = WrittenLanguage(rawValue: language) ?? .english
        if WrittenLanguage(rawValue: language) == nil {
            problems.append("mail.language: must be one of \(WrittenLanguage.allCases.map(\.rawValue).joined(separator: ", "))")
        }
    }
}

extension Settings {
    var mailFolder: String { data + "/mail" }

    /// By what patients are reached: mail always, text messages and notices to devices where there is who takes them.
    func messages(_ ways: Ways) -> MessageSettings {
        var messages = MessageSettings(channels: [.email])
        if ways.texts != nil { messages.channels.insert(.sms) }
        if ways.push != nil { messages.channels.insert(.push) }
        messages.patience = mail.patience
        messages.hearsReplies = partners.texts?.callback != nil
        return messages
    }

    /// What letters are written on, and who takes them.
    func post(_ ways: Ways) throws -> (stationery: Stationery, carrier: any LetterCarrier) {
        let stationery = try Stationery(from: mail.from, links: mail.links ?? publicURL, language: mail.language)
        if let server = ways.mailServer { return (stationery, server) }
        if let service = ways.mail { return (stationery, service) }
        return (stationery, LetterFolder(mailFolder))
    }
}
