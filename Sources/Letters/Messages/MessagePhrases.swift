extension MessageKind {
    /// What it says where the clinic has not put it otherwise.
    public func template(in language: WrittenLanguage) -> MessageTemplate {
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
        case .offer:
            MessageTemplate(
                subject: "A time has become free",
                body: "A time you wait for at {{clinic}} has become free. It is held for you until {{until}}:\n\n\(when)",
                text: "{{clinic}}: {{day}} at {{time}} has become free. It is held for you until {{until}}.")
        case .honoured:
            MessageTemplate(
                subject: "Your appointment on {{day}} is booked after all",
                body:
                    "Your payment came when the time was no longer held for you. It was still free, and your appointment at {{clinic}} is booked:\n\n\(when)",
                text: "{{clinic}}: your payment came late, and your appointment on {{day}} at {{time}} is booked after all.")
        case .refund:
            MessageTemplate(
                subject: "About your payment",
                body: "Of what you paid to {{clinic}} for {{day}}, {{time}}, we give back {{amount}}, the way it was paid.",
                text: "{{clinic}}: of what you paid for {{day}} at {{time}}, we give back {{amount}}.")
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
        case .offer:
            MessageTemplate(
                subject: "Ein Termin ist frei geworden",
                body:
                    "Ein Termin, auf den Sie bei {{clinic}} warten, ist frei geworden. Wir halten ihn für Sie frei bis {{until}} Uhr:\n\n\(when)",
                text: "{{clinic}}: {{day}} um {{time}} Uhr ist frei geworden. Wir halten die Zeit für Sie frei bis {{until}} Uhr."
            )
        case .honoured:
            MessageTemplate(
                subject: "Ihr Termin am {{day}} ist doch gebucht",
                body:
                    "Ihre Zahlung kam, als die Zeit nicht mehr für Sie freigehalten war. Sie war noch frei, und Ihr Termin bei {{clinic}} ist gebucht:\n\n\(when)",
                text: "{{clinic}}: Ihre Zahlung kam spät, und Ihr Termin am {{day}} um {{time}} Uhr ist doch gebucht.")
        case .refund:
            MessageTemplate(
                subject: "Zu Ihrer Zahlung",
                body:
                    "Von Ihrer Zahlung an {{clinic}} für {{day}}, {{time}} Uhr, geben wir {{amount}} zurück, auf dem Weg, auf dem Sie bezahlt haben.",
                text: "{{clinic}}: Von Ihrer Zahlung für {{day}}, {{time}} Uhr, geben wir {{amount}} zurück.")
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
        case .offer:
            MessageTemplate(
                subject: "Un horaire s’est libéré",
                body:
                    "Un horaire que vous attendez à {{clinic}} s’est libéré. Il est réservé pour vous jusqu’à {{until}} :\n\n\(when)",
                text: "{{clinic}} : le {{day}} à {{time}} s’est libéré. L’horaire est réservé pour vous jusqu’à {{until}}.")
        case .honoured:
            MessageTemplate(
                subject: "Votre rendez-vous du {{day}} est bien réservé",
                body:
                    "Votre paiement est arrivé quand l’horaire n’était plus réservé pour vous. Il était encore libre, et votre rendez-vous à {{clinic}} est réservé :\n\n\(when)",
                text: "{{clinic}} : votre paiement est arrivé tard, et votre rendez-vous du {{day}} à {{time}} est bien réservé.")
        case .refund:
            MessageTemplate(
                subject: "À propos de votre paiement",
                body:
                    "De ce que vous avez payé à {{clinic}} pour le {{day}}, {{time}}, nous vous rendons {{amount}}, par le même moyen de paiement.",
                text: "{{clinic}} : de ce que vous avez payé pour le {{day}} à {{time}}, nous vous rendons {{amount}}.")
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

    init(_ language: WrittenLanguage, _ kind: MessageKind) {
        switch language {
        case .english where kind == .offer:
            answers = [.confirm: "I take this time", .cancel: "Let it pass"]
            (ask, unsubscribe) = ("Do you want it?", "No more messages to this address")
            (reply, link) = ("Reply YES or NO, or:", "Take it or let it pass:")
            (stop, reference) = ("STOP ends these messages.", "Ref.")
        case .german where kind == .offer:
            answers = [.confirm: "Ich nehme diesen Termin", .cancel: "Ich verzichte darauf"]
            (ask, unsubscribe) = ("Möchten Sie ihn?", "Keine Nachrichten mehr an diese Adresse")
            (reply, link) = ("Antworten Sie JA oder NEIN, oder:", "Annehmen oder ablehnen:")
            (stop, reference) = ("STOP beendet diese Nachrichten.", "Nr.")
        case .french where kind == .offer:
            answers = [.confirm: "Je prends cet horaire", .cancel: "J’y renonce"]
            (ask, unsubscribe) = ("Le voulez-vous ?", "Plus de messages à cette adresse")
            (reply, link) = ("Répondez OUI ou NON, ou :", "Prendre ou refuser :")
            (stop, reference) = ("STOP met fin à ces messages.", "Réf.")
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
