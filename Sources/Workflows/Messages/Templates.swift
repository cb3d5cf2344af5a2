public import Letters
public import Notation
import People
import Scheduling
import Storage

/// How a clinic puts a message.
public struct StoredTemplate: Sendable {
    public let kind: MessageKind
    public let language: WrittenLanguage
    public let template: MessageTemplate
    /// Nil where it is as it usually is.
    public let changedBy: String?
    public let changedAt: Instant?
}

extension Clinic {
    /// Every message as this clinic puts it.
    public func templates(for call: Call) async throws -> [StoredTemplate] {
        guard call.caller.may(.changeDirectory) else { throw Refusal.notPermitted }
        let own = try await database.read { try $0.fetch(AllTemplates()) }
        return MessageKind.allCases.flatMap { kind in
            WrittenLanguage.allCases.map { language in
                own.first { $0.kind == kind && $0.language == language }
                    ?? StoredTemplate(
                        kind: kind, language: language, template: kind.template(in: language), changedBy: nil, changedAt: nil)
            }
        }
    }

    /// Puts a message otherwise from now on, or as usual again.
    ///
    /// - Parameter template: nil is as usual.
    public func setTemplate(
        of kind: MessageKind, in language: WrittenLanguage, to template: MessageTemplate?, call: Call,
        wording: Wording<StoredTemplate>
    ) async throws -> Reply<StoredTemplate> {
        try await perform(call, wording: wording) { story in
            try story.require(.changeDirectory)
        } act: { story, _ in
            let by = call.caller.principal
            let next = StoredTemplate(
                kind: kind, language: language, template: template ?? kind.template(in: language),
                changedBy: template == nil ? nil : by, changedAt: template == nil ? nil : story.now)
            if template == nil {
                try story.transaction.run(DeleteTemplate(kind: kind, language: language))
            } else {
                try story.transaction.run(StoreTemplate(stored: next, by: by, at: story.now))
            }
            try story.auditChange(of: AuditSubject.everybody, "template.changed")
            return next
        }
    }
}

struct TemplateOf: Query {
    static let sql: SQL = """
        SELECT kind, language, subject, body, words, changed_by, changed_at FROM message_template WHERE kind = $1 AND language = $2
        """
    let kind: MessageKind
    let language: WrittenLanguage
    var bindings: [SQLValue] { [.text(kind.rawValue), .text(language.rawValue)] }
    static func row(_ columns: any Columns) throws -> StoredTemplate { try StoredTemplate(columns) }
}

struct AllTemplates: Query {
    static let sql: SQL = """
        SELECT kind, language, subject, body, words, changed_by, changed_at FROM message_template ORDER BY kind, language
        """
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> StoredTemplate { try StoredTemplate(columns) }
}

extension StoredTemplate {
    fileprivate init(_ columns: any Columns) throws {
        self.init(
            kind: try columns.choice(0), language: try columns.choice(1),
            template: MessageTemplate(subject: try columns.text(2), body: try columns.text(3), text: try columns.text(4)),
            changedBy: try columns.text(5), changedAt: try columns.instant(6))
    }
}

struct StoreTemplate: Command {
    static let sql: SQL = """
        INSERT INTO message_template (kind, language, subject, body, words, changed_by, changed_at) VALUES ($1, $2, $3, $4, $5, $6, $7)
        ON CONFLICT (kind, language) DO UPDATE SET subject = excluded.subject, body = excluded.body, words = excluded.words,
            changed_by = excluded.changed_by, changed_at = excluded.changed_at
        """
    let stored: StoredTemplate
    let by: String
    let at: Instant
    var bindings: [SQLValue] {
        [
            .text(stored.kind.rawValue), .text(stored.language.rawValue), .text(stored.template.subject),
            .text(stored.template.body), .text(stored.template.text), .text(by), .instant(at),
        ]
    }
}

struct DeleteTemplate: Command {
    static let sql: SQL = "DELETE FROM message_template WHERE kind = $1 AND language = $2"
    let kind: MessageKind
    let language: WrittenLanguage
    var bindings: [SQLValue] { [.text(kind.rawValue), .text(language.rawValue)] }
}
