extension MessageKind {
    /// What it says where the clinic has not put it otherwise.
    public func template(in language: MessageLanguage) -> MessageTemplate {
        switch language {
        case .english: english
        case .german: german
        case .french: french
        }
    }

    private var english: MessageTemplate {
        let when = "{{day}}, {{time}}\n{{place}}"
        return switch self {
        case .confirmation:
            MessageTemplate(
                subject: "Your appointment on {{day}}", body: "Your appointment at {{clinic}} is booked:\n\n\(when)",
                text: "{{clinic}}: your appointment is on {{day}} at {{time}}.")
        case .cancellation:
            MessageTemplate(
                subject: "Your appointment on {{day}} is cancelled",
                body: "Your appointment at {{clinic}} does not take place:\n\n\(when)",
                text: "{{clinic}}: your appointment on {{day}} at {{time}} is cancelled.")
        case .move:
            MessageTemplate(
                subject: "Your appointment has another time",
                body: "Your appointment at {{clinic}} has been moved. It is now:\n\n\(when)",
                text: "{{clinic}}: your appointment is now on {{day}} at {{time}}.")
        case .reminder:
            MessageTemplate(
                subject: "Your appointment on {{day}}", body: "We remind you of your appointment at {{clinic}}:\n\n\(when)",
                text: "{{clinic}}: we remind you of your appointment on {{day}} at {{time}}.")
        case .expiry:
            MessageTemplate(
                subject: "A time is no longer held for you",
                body: "The time you held at {{clinic}} was not confirmed and is free again:\n\n\(when)",
                text: "{{clinic}}: the time held for you on {{day}} at {{time}} is free again.")
        case .delay:
            MessageTemplate(
                subject: "Your appointment today begins later",
                body: "We are running about {{minutes}} minutes late today. Your appointment was to begin at {{time}}.",
                text:
                    "{{clinic}}: we are running about {{minutes}} minutes late today. Your appointment was to begin at {{time}}.")
        case .correction:
            MessageTemplate(
                subject: "Your request has been answered",
                body: "{{clinic}} has decided on your request about your record. Sign in, or ask us, to read the answer.",
                text: "{{clinic}}: your request about your record has been answered. Sign in, or ask us, to read the answer.")
        }
    }

    private var german: MessageTemplate {
        let when = "{{day}}, {{time}} Uhr\n{{place}}"
        return switch self {
        case .confirmation:
            MessageTemplate(
                subject: "Ihr Termin am {{day}}", body: "Ihr Termin bei {{clinic}} ist gebucht:\n\n\(when)",
                text: "{{clinic}}: Ihr Termin ist am {{day}} um {{time}} Uhr.")
        case .cancellation:
            MessageTemplate(
                subject: "Ihr Termin am {{day}} ist abgesagt", body: "Ihr Termin bei {{clinic}} findet nicht statt:\n\n\(when)",
                text: "{{clinic}}: Ihr Termin am {{day}} um {{time}} Uhr ist abgesagt.")
        case .move:
            MessageTemplate(
                subject: "Ihr Termin wurde verschoben",
                body: "Ihr Termin bei {{clinic}} wurde verschoben. Er ist jetzt:\n\n\(when)",
                text: "{{clinic}}: Ihr Termin ist jetzt am {{day}} um {{time}} Uhr.")
        case .reminder:
            MessageTemplate(
                subject: "Ihr Termin am {{day}}", body: "Wir erinnern Sie an Ihren Termin bei {{clinic}}:\n\n\(when)",
                text: "{{clinic}}: Wir erinnern Sie an Ihren Termin am {{day}} um {{time}} Uhr.")
        case .expiry:
            MessageTemplate(
                subject: "Eine Zeit wird nicht mehr für Sie freigehalten",
                body:
                    "Die Zeit, die bei {{clinic}} für Sie freigehalten war, wurde nicht bestätigt und ist wieder frei:\n\n\(when)",
                text: "{{clinic}}: Die für Sie freigehaltene Zeit am {{day}} um {{time}} Uhr ist wieder frei.")
        case .delay:
            MessageTemplate(
                subject: "Ihr Termin beginnt heute später",
                body: "Wir sind heute etwa {{minutes}} Minuten im Verzug. Ihr Termin sollte um {{time}} Uhr beginnen.",
                text: "{{clinic}}: Wir sind heute etwa {{minutes}} Minuten im Verzug. Ihr Termin sollte um {{time}} Uhr beginnen."
            )
        case .correction:
            MessageTemplate(
                subject: "Ihre Anfrage wurde beantwortet",
                body:
                    "{{clinic}} hat über Ihre Anfrage zu Ihrer Akte entschieden. Melden Sie sich an, oder fragen Sie uns nach der Antwort.",
                text:
                    "{{clinic}}: Ihre Anfrage zu Ihrer Akte wurde beantwortet. Melden Sie sich an, oder fragen Sie uns nach der Antwort."
            )
        }
    }

    private var french: MessageTemplate {
        let when = "{{day}}, {{time}}\n{{place}}"
        return switch self {
        case .confirmation:
            MessageTemplate(
                subject: "Votre rendez-vous du {{day}}", body: "Votre rendez-vous à {{clinic}} est réservé :\n\n\(when)",
                text: "{{clinic}} : votre rendez-vous est le {{day}} à {{time}}.")
        case .cancellation:
            MessageTemplate(
                subject: "Votre rendez-vous du {{day}} est annulé",
                body: "Votre rendez-vous à {{clinic}} n’a pas lieu :\n\n\(when)",
                text: "{{clinic}} : votre rendez-vous du {{day}} à {{time}} est annulé.")
        case .move:
            MessageTemplate(
                subject: "Votre rendez-vous a été déplacé",
                body: "Votre rendez-vous à {{clinic}} a été déplacé. Il a lieu maintenant :\n\n\(when)",
                text: "{{clinic}} : votre rendez-vous est maintenant le {{day}} à {{time}}.")
        case .reminder:
            MessageTemplate(
                subject: "Votre rendez-vous du {{day}}", body: "Nous vous rappelons votre rendez-vous à {{clinic}} :\n\n\(when)",
                text: "{{clinic}} : nous vous rappelons votre rendez-vous du {{day}} à {{time}}.")
        case .expiry:
            MessageTemplate(
                subject: "Un horaire n’est plus réservé pour vous",
                body: "L’horaire réservé pour vous à {{clinic}} n’a pas été confirmé et est de nouveau libre :\n\n\(when)",
                text: "{{clinic}} : l’horaire réservé pour vous le {{day}} à {{time}} est de nouveau libre.")
        case .delay:
            MessageTemplate(
                subject: "Votre rendez-vous d’aujourd’hui commence plus tard",
                body:
                    "Nous avons environ {{minutes}} minutes de retard aujourd’hui. Votre rendez-vous devait commencer à {{time}}.",
                text:
                    "{{clinic}} : environ {{minutes}} minutes de retard aujourd’hui. Votre rendez-vous devait commencer à {{time}}."
            )
        case .correction:
            MessageTemplate(
                subject: "Votre demande a reçu une réponse",
                body:
                    "{{clinic}} a décidé de votre demande concernant votre dossier. Connectez-vous, ou demandez-nous la réponse.",
                text: "{{clinic}} : votre demande concernant votre dossier a reçu une réponse. Connectez-vous, ou demandez-nous.")
        }
    }
}

/// What stands around what a clinic may put otherwise.
struct MessageFrame: Sendable {
    let answers: [VisitAnswer: String]
    let ask: String
    let unsubscribe: String
    /// In a text message, before the link.
    let reply: String
    let link: String
    let stop: String
    let reference: String

    init(_ language: MessageLanguage) {
        switch language {
        case .english:
            answers = [.confirm: "I will come", .cancel: "Cancel the appointment", .call: "Please call me"]
            (ask, unsubscribe) = ("Let us know:", "No more messages to this address")
            (reply, link) = ("Reply YES, CANCEL or CALL, or:", "Confirm or cancel:")
            (stop, reference) = ("STOP ends these messages.", "Ref.")
        case .german:
            answers = [.confirm: "Ich komme", .cancel: "Termin absagen", .call: "Bitte rufen Sie mich an"]
            (ask, unsubscribe) = ("Geben Sie uns Bescheid:", "Keine Nachrichten mehr an diese Adresse")
            (reply, link) = ("Antworten Sie JA, ABSAGEN oder RUF, oder:", "Bestätigen oder absagen:")
            (stop, reference) = ("STOP beendet diese Nachrichten.", "Nr.")
        case .french:
            answers = [.confirm: "Je viendrai", .cancel: "Annuler le rendez-vous", .call: "Rappelez-moi, s’il vous plaît"]
            (ask, unsubscribe) = ("Dites-nous :", "Plus de messages à cette adresse")
            (reply, link) = ("Répondez OUI, ANNULER ou APPEL, ou :", "Confirmer ou annuler :")
            (stop, reference) = ("STOP met fin à ces messages.", "Réf.")
        }
    }
}

/// What somebody means who answers a text message.
public enum TextReply: Sendable, Equatable {
    case answer(VisitAnswer)
    /// No more messages.
    case stop

    /// The first word, whatever its case, accents and punctuation; nil when it is none of those that are asked for. All languages at once:
    /// who gets German messages may write YES.
    public init?(_ words: String) {
        let first = words.uppercased().split { !$0.isLetter }.first.map(String.init) ?? ""
        switch first {
        case "YES", "Y", "JA", "J", "OUI", "O", "C", "OK", "CONFIRM": self = .answer(.confirm)
        case "NO", "N", "NEIN", "NON", "CANCEL", "ABSAGEN", "ABSAGE", "ANNULER", "ANNULE": self = .answer(.cancel)
        case "CALL", "RUF", "ANRUF", "RÜCKRUF", "APPEL", "APPELER": self = .answer(.call)
        case "STOP", "STOPALL", "UNSUBSCRIBE", "END", "QUIT", "STOPP", "ARRET", "ARRÊT": self = .stop
        default: return nil
        }
    }
}
