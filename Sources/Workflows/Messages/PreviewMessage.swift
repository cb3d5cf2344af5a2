public import Letters
import Notation
import People
import Scheduling
import Storage

/// A message as somebody would get it, with made-up data.
public struct MessagePreview: Sendable {
    public let mail: LetterWords
    public let sms: String
    public let notice: Notice

    /// What a device shows, and where it leads whoever touches it; nil where nothing is asked.
    public struct Notice: Sendable {
        public let title: String
        public let text: String
        public let link: String?
    }
}

extension Clinic {
    /// Puts a message into words without sending it.
    ///
    /// - Parameter template: nil is as the clinic puts it.
    public func previewMessage(
        of kind: MessageKind, in language: WrittenLanguage, _ template: MessageTemplate?, on stationery: Stationery, call: Call,
        wording: Wording<MessagePreview>
    ) async throws -> Reply<MessagePreview> {
        let hearsReplies = settings.messages?.hearsReplies ?? false
        return try await perform(call, wording: wording) { story in
            try story.require(.changeDirectory)
        } act: { story, _ in
            var draft = MessageDraft(kind: kind, language: language, reference: "A1B2")
            draft.time = SpokenTime(day: CalendarDay(year: 2030, month: 3, day: 5)!, minute: 9 * 60 + 30)
            draft.place = "Riverside, 1 River Street"
            draft.minutes = kind == .delay ? 20 : nil
            draft.today = draft.time?.day
            draft.until = kind == .offer ? draft.time.map { SpokenTime(day: $0.day, minute: 8 * 60 + 15) } : nil
            draft.amount = kind == .refund ? SpokenAmount(amount: 4_500, currency: "eur") : nil
            draft.template = try template ?? story.transaction.first(TemplateOf(kind: kind, language: language))?.template
            draft.answerCode = kind.asksForAnswer ? "mca_example" : nil
            draft.unsubscribeCode = "mcu_example"
            let mail = try stationery.mail(draft)
            return MessagePreview(
                mail: mail, sms: try stationery.textMessage(draft, hearsReplies: hearsReplies),
                notice: MessagePreview.Notice(
                    title: stationery.from.name, text: try stationery.notice(draft), link: stationery.answerLink(draft)))
        }
    }
}
