/// What a letter says before and after its link. `{{clinic}}` is the sender's name; nothing else is put in, so there is nothing about
/// anybody's health to put in.
struct Phrases: Sendable {
    let subject: String
    let opening: [String]
    /// What stands on the link; nil for a letter that asks for nothing.
    var action: String?
    let closing: [String]
}

extension LetterKind {
    func phrases(in language: WrittenLanguage) -> Phrases {
        switch language {
        case .english: english
        case .german: german
        case .french: french
        }
    }

    private var english: Phrases {
        let notYou = "If it was not you who asked for this, you need do nothing."
        return switch self {
        case .invitation:
            Phrases(
                subject: "Your account", opening: ["{{clinic}} has made an account for you.", "Choose a password to begin:"],
                action: "Choose a password", closing: ["The link is good for seven days, and once."])
        case .verification:
            Phrases(
                subject: "Please confirm your e-mail address",
                opening: ["This address has been given for an account at {{clinic}}."], action: "Confirm the address",
                closing: ["The link is good for one day, and once.", notYou])
        case .passwordReset:
            Phrases(
                subject: "A new password", opening: ["Somebody has asked for a new password for your account at {{clinic}}."],
                action: "Choose a new password",
                closing: ["The link is good for ten minutes, and once.", notYou + " Your password stays as it is."])
        case .passwordChanged:
            Phrases(
                subject: "Your password has been changed",
                opening: [
                    "The password of your account at {{clinic}} has just been changed by way of a link we sent to this address.",
                    "You have been signed out everywhere.",
                ],
                closing: ["If that was not you, ask for a new password now, and tell {{clinic}}."])
        case .emailChange:
            Phrases(
                subject: "Please confirm your new e-mail address",
                opening: ["This address is to become the one of an account at {{clinic}}."], action: "Confirm the new address",
                closing: ["The link is good for one day, and once.", notYou])
        case .emailChanged:
            Phrases(
                subject: "Your e-mail address has been changed",
                opening: [
                    "Your account at {{clinic}} has another e-mail address now. This one is no longer used for it.",
                    "If that was not you, take the address back:",
                ],
                action: "Take it back",
                closing: [
                    "The link is good for seven days, and once. It signs everybody out, and we send a link for a new password to this address."
                ])
        }
    }

    private var german: Phrases {
        let notYou = "Wenn Sie das nicht angefordert haben, müssen Sie nichts tun."
        return switch self {
        case .invitation:
            Phrases(
                subject: "Ihr Konto",
                opening: ["{{clinic}} hat ein Konto für Sie angelegt.", "Wählen Sie ein Passwort, um zu beginnen:"],
                action: "Passwort wählen", closing: ["Der Link gilt sieben Tage lang und nur einmal."])
        case .verification:
            Phrases(
                subject: "Bitte bestätigen Sie Ihre E-Mail-Adresse",
                opening: ["Diese Adresse wurde für ein Konto bei {{clinic}} angegeben."], action: "Adresse bestätigen",
                closing: ["Der Link gilt einen Tag lang und nur einmal.", notYou])
        case .passwordReset:
            Phrases(
                subject: "Ein neues Passwort",
                opening: ["Jemand hat ein neues Passwort für Ihr Konto bei {{clinic}} angefordert."],
                action: "Neues Passwort wählen",
                closing: ["Der Link gilt zehn Minuten lang und nur einmal.", notYou + " Ihr Passwort bleibt, wie es ist."])
        case .passwordChanged:
            Phrases(
                subject: "Ihr Passwort wurde geändert",
                opening: [
                    "Das Passwort Ihres Kontos bei {{clinic}} wurde soeben über einen Link geändert, den wir an diese Adresse geschickt haben.",
                    "Sie wurden überall abgemeldet.",
                ],
                closing: ["Wenn Sie das nicht waren, fordern Sie jetzt ein neues Passwort an und sagen Sie {{clinic}} Bescheid."])
        case .emailChange:
            Phrases(
                subject: "Bitte bestätigen Sie Ihre neue E-Mail-Adresse",
                opening: ["Diese Adresse soll die Adresse eines Kontos bei {{clinic}} werden."],
                action: "Neue Adresse bestätigen", closing: ["Der Link gilt einen Tag lang und nur einmal.", notYou])
        case .emailChanged:
            Phrases(
                subject: "Ihre E-Mail-Adresse wurde geändert",
                opening: [
                    "Ihr Konto bei {{clinic}} hat jetzt eine andere E-Mail-Adresse. Diese hier wird dafür nicht mehr verwendet.",
                    "Wenn Sie das nicht waren, holen Sie die Adresse zurück:",
                ],
                action: "Adresse zurückholen",
                closing: [
                    "Der Link gilt sieben Tage lang und nur einmal. Er meldet alle ab, und wir schicken einen Link für ein neues Passwort an diese Adresse."
                ])
        }
    }

    private var french: Phrases {
        let notYou = "Si vous n’avez rien demandé, vous n’avez rien à faire."
        return switch self {
        case .invitation:
            Phrases(
                subject: "Votre compte",
                opening: ["{{clinic}} a créé un compte pour vous.", "Choisissez un mot de passe pour commencer :"],
                action: "Choisir un mot de passe", closing: ["Le lien est valable sept jours, et une seule fois."])
        case .verification:
            Phrases(
                subject: "Veuillez confirmer votre adresse e-mail",
                opening: ["Cette adresse a été indiquée pour un compte chez {{clinic}}."], action: "Confirmer l’adresse",
                closing: ["Le lien est valable un jour, et une seule fois.", notYou])
        case .passwordReset:
            Phrases(
                subject: "Un nouveau mot de passe",
                opening: ["Un nouveau mot de passe a été demandé pour votre compte chez {{clinic}}."],
                action: "Choisir un nouveau mot de passe",
                closing: ["Le lien est valable dix minutes, et une seule fois.", notYou + " Votre mot de passe reste le même."])
        case .passwordChanged:
            Phrases(
                subject: "Votre mot de passe a été changé",
                opening: [
                    "Le mot de passe de votre compte chez {{clinic}} vient d’être changé au moyen d’un lien envoyé à cette adresse.",
                    "Vous avez été déconnecté partout.",
                ],
                closing: ["Si ce n’était pas vous, demandez tout de suite un nouveau mot de passe et prévenez {{clinic}}."])
        case .emailChange:
            Phrases(
                subject: "Veuillez confirmer votre nouvelle adresse e-mail",
                opening: ["Cette adresse doit devenir celle d’un compte chez {{clinic}}."],
                action: "Confirmer la nouvelle adresse", closing: ["Le lien est valable un jour, et une seule fois.", notYou])
        case .emailChanged:
            Phrases(
                subject: "Votre adresse e-mail a été changée",
                opening: [
                    "Votre compte chez {{clinic}} a désormais une autre adresse e-mail. Celle-ci ne sert plus pour ce compte.",
                    "Si ce n’était pas vous, reprenez votre adresse :",
                ],
                action: "Reprendre l’adresse",
                closing: [
                    "Le lien est valable sept jours, et une seule fois. Il déconnecte tout le monde, et nous envoyons à cette adresse un lien pour un nouveau mot de passe."
                ])
        }
    }
}
