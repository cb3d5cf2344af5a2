public import Letters
import Workflows

/// What a page of messages is for.
public enum PageKind: Sendable, Hashable {
    /// Behind the link in a letter to an account's owner.
    case letter(LetterKind)
    /// To say what becomes of a visit, or of an offer.
    case answer
    /// To get no more messages.
    case unsubscribe
}

/// The pages behind the links in messages to patients. They ask once, with a button, and do nothing before: programs that look at links in
/// mail answer nothing in anybody's place. Like the pages of letters they load nothing and run nothing but what stands in them.
struct VisitPage: Sendable {
    let kind: PageKind
    let language: WrittenLanguage
    /// Whether it asks about a time that is offered, and not about a visit.
    var isOffer = false

    private var words: VisitWords { VisitWords(language, isOffer: isOffer) }
    private var answers: [VisitAnswer] { (isOffer ? MessageKind.offer : .reminder).answers }

    /// - Parameters:
    ///   - choice: the one answer that is asked about; nil offers all.
    ///   - trouble: why a first try came to nothing.
    func form(choice: VisitAnswer? = nil, code: String = "", trouble: String? = nil) -> String {
        let words = words
        if kind == .unsubscribe { return unsubscribeForm(code, trouble, words) }
        let title = choice.flatMap { words.questions[$0] } ?? words.title
        let about = isOffer ? "&amp;about=\(MessagePage.offer)" : ""
        var body = "<h1>\(LetterPage.escaped(title))</h1>\n\(alert(trouble))"
        body += """
            <form method="post" action="\(MessagePage.answer)?language=\(language.rawValue)\(about)">
            <div id="row">
            <label for="code">\(LetterPage.escaped(words.code))</label>
            <input id="code" name="code" value="\(LetterPage.escaped(code))" required maxlength="128" autocomplete="off" \
            autocapitalize="none" spellcheck="false">
            </div>

            """
        for answer in choice.map({ [$0] }) ?? answers {
            body +=
                "<button name=\"answer\" value=\"\(answer.rawValue)\">\(LetterPage.escaped(words.actions[answer] ?? ""))</button>\n"
        }
        return document(title, body + "</form>\n<script>\(LetterPage.script)</script>\n")
    }

    private func unsubscribeForm(_ code: String, _ trouble: String?, _ words: VisitWords) -> String {
        var body = "<h1>\(LetterPage.escaped(words.endTitle))</h1>\n\(alert(trouble))"
        if !code.isEmpty {
            let address = "\(MessagePage.unsubscribe)?language=\(language.rawValue)&code=\(code)"
            body += """
                <p>\(LetterPage.escaped(words.endLead))</p>
                <form method="post" action="\(LetterPage.escaped(address))">
                <button>\(LetterPage.escaped(words.endAction))</button>
                </form>

                """
        }
        return document(words.endTitle, body)
    }

    func done(_ answer: VisitAnswer) -> String {
        let words = words
        return document(
            words.thanks,
            "<h1>\(LetterPage.escaped(words.thanks))</h1>\n<p>\(LetterPage.escaped(words.afterwards[answer] ?? ""))</p>\n")
    }

    var ended: String {
        let words = VisitWords(language)
        return document(
            words.endDone, "<h1>\(LetterPage.escaped(words.endDone))</h1>\n<p>\(LetterPage.escaped(words.endAfter))</p>\n")
    }

    /// A page with a problem and nothing to be done about it.
    func failure(_ trouble: String) -> String {
        let words = words
        return document(words.title, "<h1>\(LetterPage.escaped(words.title))</h1>\n\(alert(trouble))")
    }

    private func alert(_ trouble: String?) -> String {
        trouble.map { "<p role=\"alert\" class=\"alert\">\(LetterPage.escaped($0))</p>\n" } ?? ""
    }

    private func document(_ title: String, _ body: String) -> String {
        LetterPage.document(title: title, body, language: language.rawValue)
    }
}

/// What these pages say, in each language messages have.
struct VisitWords: Sendable {
    private(set) var title: String
    let code: String
    private(set) var questions: [VisitAnswer: String]
    private(set) var actions: [VisitAnswer: String]
    let thanks: String
    private(set) var afterwards: [VisitAnswer: String]
    private(set) var over: String
    let tooLate: String
    let shared: String
    let unknown: String
    let choose: String
    let tooOften: String
    let notNow: String
    let endTitle: String
    let endLead: String
    let endAction: String
    let endDone: String
    let endAfter: String
    /// Of an offer that costs something.
    private(set) var mustBePaid = ""

    init(_ language: WrittenLanguage, isOffer: Bool = false) {
        self =
            switch language {
            case .english: .english
            case .german: .german
            case .french: .french
            }
        if isOffer { askAboutOffer(in: language) }
    }

    private mutating func askAboutOffer(in language: WrittenLanguage) {
        switch language {
        case .english:
            title = "A time has become free"
            (questions, actions, afterwards) = (
                [.confirm: "Do you take this time?", .cancel: "Let it pass?", .call: "Shall we call you?"],
                [.confirm: "I take this time", .cancel: "Let it pass", .call: "Please call me"],
                [
                    .confirm: "We have noted that you take this time. A message confirms the appointment.",
                    .cancel: "We offer the time to somebody else. You stay on the waitlist.",
                    .call: "We will call you at the number in your record.",
                ]
            )
            over = "This link is good no more: it was answered, or the time for an answer is over."
            mustBePaid = "This appointment is paid in advance. Sign in, or call us, while the time is held for you."
        case .german:
            title = "Ein Termin ist frei geworden"
            (questions, actions, afterwards) = (
                [.confirm: "Nehmen Sie diesen Termin?", .cancel: "Darauf verzichten?", .call: "Sollen wir Sie anrufen?"],
                [.confirm: "Ich nehme diesen Termin", .cancel: "Ich verzichte darauf", .call: "Bitte rufen Sie mich an"],
                [
                    .confirm: "Wir haben notiert, dass Sie den Termin nehmen. Eine Nachricht bestätigt ihn.",
                    .cancel: "Wir bieten die Zeit jemand anderem an. Sie bleiben auf der Warteliste.",
                    .call: "Wir rufen Sie unter der Nummer in Ihrer Akte an.",
                ]
            )
            over = "Dieser Link gilt nicht mehr: Es wurde schon geantwortet, oder die Zeit für eine Antwort ist vorbei."
            mustBePaid =
                "Dieser Termin wird im Voraus bezahlt. Melden Sie sich an, oder rufen Sie uns an, solange wir die Zeit freihalten."
        case .french:
            title = "Un horaire s’est libéré"
            (questions, actions, afterwards) = (
                [.confirm: "Prenez-vous cet horaire ?", .cancel: "Y renoncer ?", .call: "Devons-nous vous appeler ?"],
                [.confirm: "Je prends cet horaire", .cancel: "J’y renonce", .call: "Rappelez-moi, s’il vous plaît"],
                [
                    .confirm: "Nous avons noté que vous prenez cet horaire. Un message confirme le rendez-vous.",
                    .cancel: "Nous proposons l’horaire à quelqu’un d’autre. Vous restez sur la liste d’attente.",
                    .call: "Nous vous appellerons au numéro de votre dossier.",
                ]
            )
            over = "Ce lien n’est plus valable : une réponse a été donnée, ou le délai est passé."
            mustBePaid =
                "Ce rendez-vous se paie d’avance. Connectez-vous, ou appelez-nous, tant que l’horaire est réservé pour vous."
        }
    }

    func trouble(_ outcome: AnswerOutcome) -> String {
        switch outcome {
        case .taken, .saidBefore: ""
        case .over: over
        case .tooLate: tooLate
        case .shared: shared
        case .mustBePaid: mustBePaid
        case .unknown: unknown
        }
    }
}

extension VisitWords {
    private init(
        title: String, code: String, questions: [VisitAnswer: String], actions: [VisitAnswer: String], thanks: String,
        afterwards: [VisitAnswer: String], trouble: [String], end: [String]
    ) {
        (self.title, self.code, self.questions, self.actions) = (title, code, questions, actions)
        (self.thanks, self.afterwards) = (thanks, afterwards)
        (over, tooLate, shared, unknown) = (trouble[0], trouble[1], trouble[2], trouble[3])
        (choose, tooOften, notNow) = (trouble[4], trouble[5], trouble[6])
        (endTitle, endLead, endAction, endDone, endAfter) = (end[0], end[1], end[2], end[3], end[4])
    }

    fileprivate static let english = VisitWords(
        title: "Your appointment", code: "Code from the message",
        questions: [.confirm: "Will you come?", .cancel: "Cancel the appointment?", .call: "Shall we call you?"],
        actions: [.confirm: "I will come", .cancel: "Cancel the appointment", .call: "Please call me"], thanks: "Thank you",
        afterwards: [
            .confirm: "We have noted that you will come.", .cancel: "The appointment is cancelled, and its time is free again.",
            .call: "We will call you at the number in your record.",
        ],
        trouble: [
            "This link is good no more: the appointment has begun, has another time, or was cancelled.",
            "It is too late to cancel here. Please call us.",
            "Others take part in this appointment. Please call us to cancel it.",
            "This is not a code of ours. Copy all of it from the message.", "Choose one of the answers.",
            "There were too many tries. Wait a minute, and try again.",
            "This cannot be done at the moment. Nothing has been changed. Try again in a minute.",
        ],
        end: [
            "No more messages", "We then send no more messages to this address, also not about appointments.", "No more messages",
            "You get no more messages there", "You can change that at any time: sign in, or ask us.",
        ])

    fileprivate static let german = VisitWords(
        title: "Ihr Termin", code: "Code aus der Nachricht",
        questions: [.confirm: "Kommen Sie?", .cancel: "Den Termin absagen?", .call: "Sollen wir Sie anrufen?"],
        actions: [.confirm: "Ich komme", .cancel: "Termin absagen", .call: "Bitte rufen Sie mich an"], thanks: "Vielen Dank",
        afterwards: [
            .confirm: "Wir haben notiert, dass Sie kommen.", .cancel: "Der Termin ist abgesagt, und die Zeit ist wieder frei.",
            .call: "Wir rufen Sie unter der Nummer in Ihrer Akte an.",
        ],
        trouble: [
            "Dieser Link gilt nicht mehr: Der Termin hat begonnen, wurde verschoben oder abgesagt.",
            "Zum Absagen ist es hier zu spät. Bitte rufen Sie uns an.",
            "An diesem Termin nehmen auch andere teil. Bitte rufen Sie uns zum Absagen an.",
            "Das ist kein Code von uns. Kopieren Sie ihn ganz aus der Nachricht.", "Wählen Sie eine der Antworten.",
            "Das waren zu viele Versuche. Warten Sie eine Minute, und versuchen Sie es dann wieder.",
            "Das geht im Moment nicht. Nichts wurde geändert. Versuchen Sie es in einer Minute wieder.",
        ],
        end: [
            "Keine Nachrichten mehr", "Wir schicken dann keine Nachrichten mehr an diese Adresse, auch nicht zu Terminen.",
            "Keine Nachrichten mehr", "Sie bekommen dort keine Nachrichten mehr",
            "Das können Sie jederzeit ändern: Melden Sie sich an, oder fragen Sie uns.",
        ])

    fileprivate static let french = VisitWords(
        title: "Votre rendez-vous", code: "Code du message",
        questions: [.confirm: "Viendrez-vous ?", .cancel: "Annuler le rendez-vous ?", .call: "Devons-nous vous appeler ?"],
        actions: [.confirm: "Je viendrai", .cancel: "Annuler le rendez-vous", .call: "Rappelez-moi, s’il vous plaît"],
        thanks: "Merci",
        afterwards: [
            .confirm: "Nous avons noté que vous viendrez.",
            .cancel: "Le rendez-vous est annulé, et son horaire est de nouveau libre.",
            .call: "Nous vous appellerons au numéro de votre dossier.",
        ],
        trouble: [
            "Ce lien n’est plus valable : le rendez-vous a commencé, a été déplacé ou annulé.",
            "Il est trop tard pour annuler ici. Appelez-nous, s’il vous plaît.",
            "D’autres personnes participent à ce rendez-vous. Appelez-nous pour l’annuler.",
            "Ce n’est pas un de nos codes. Copiez-le en entier depuis le message.", "Choisissez une des réponses.",
            "Il y a eu trop d’essais. Attendez une minute, puis réessayez.",
            "Ce n’est pas possible pour le moment. Rien n’a été changé. Réessayez dans une minute.",
        ],
        end: [
            "Plus de messages", "Nous n’enverrons alors plus de messages à cette adresse, même au sujet de rendez-vous.",
            "Plus de messages", "Vous n’y recevrez plus de messages",
            "Vous pouvez changer cela à tout moment : connectez-vous, ou demandez-nous.",
        ])
}
