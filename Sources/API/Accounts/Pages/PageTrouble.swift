import Identity
import Letters
import Workflows

/// Why a page could not do what it is for, in words for whoever sees it.
enum PageTrouble: Sendable, Equatable {
    /// The letter it came by cannot be used any more.
    case over(LetterEnd)
    case password(PasswordFlaw)
    /// Another account has the address meanwhile.
    case addressTaken
    /// The address was changed lately, and the one before can still be taken back.
    case changedLately
    case tooOften
    /// Nothing was done, and it is worth trying again.
    case notNow

    /// Whether the form is shown again: what is wrong may be put right there.
    var isWorthAnotherTry: Bool {
        switch self {
        case .over(.unknown), .password, .tooOften, .notNow: true
        case .over, .addressTaken, .changedLately: false
        }
    }

    func words(in language: WrittenLanguage) -> String {
        switch language {
        case .english: english
        case .german: german
        case .french: french
        }
    }

    private var english: String {
        switch self {
        case .over(.used): "This link has been used already. Each is good once."
        case .over(.expired): "The time of this link is over, or there is a newer letter. Ask for another one."
        case .over(.overtaken): "This link is good no more: the password or the address has been changed since it was sent."
        case .over(.unknown): "This is not a code of ours. Copy all of it from the letter."
        case .password(.tooShort): "The password needs 8 characters at least."
        case .password(.tooLong): "The password may have 128 characters at most."
        case .password(.tooCommon): "This password is one of those that are tried first. Three unrelated words are better."
        case .addressTaken: "Another account has this address."
        case .changedLately: "The address was changed within the last seven days, and the one before can still be taken back."
        case .tooOften: "There were too many tries. Wait a minute, and try again."
        case .notNow: "This cannot be done at the moment. Nothing has been changed. Try again in a minute."
        }
    }

    private var german: String {
        switch self {
        case .over(.used): "Dieser Link wurde schon verwendet. Jeder gilt nur einmal."
        case .over(.expired): "Die Zeit dieses Links ist vorbei, oder es gibt einen neueren Brief. Fordern Sie einen neuen an."
        case .over(.overtaken): "Dieser Link gilt nicht mehr: Passwort oder Adresse wurden geändert, seit er geschickt wurde."
        case .over(.unknown): "Das ist kein Code von uns. Kopieren Sie ihn ganz aus dem Brief."
        case .password(.tooShort): "Das Passwort braucht mindestens 8 Zeichen."
        case .password(.tooLong): "Das Passwort darf höchstens 128 Zeichen haben."
        case .password(.tooCommon):
            "Dieses Passwort ist eines von denen, die als Erstes probiert werden. Drei Wörter ohne Zusammenhang sind besser."
        case .addressTaken: "Ein anderes Konto hat diese Adresse."
        case .changedLately:
            "Die Adresse wurde in den letzten sieben Tagen geändert, und die vorige kann noch zurückgeholt werden."
        case .tooOften: "Das waren zu viele Versuche. Warten Sie eine Minute, und versuchen Sie es dann wieder."
        case .notNow: "Das geht im Moment nicht. Nichts wurde geändert. Versuchen Sie es in einer Minute wieder."
        }
    }

    private var french: String {
        switch self {
        case .over(.used): "Ce lien a déjà servi. Chacun n’est valable qu’une fois."
        case .over(.expired): "Le délai de ce lien est passé, ou il existe une lettre plus récente. Demandez-en une autre."
        case .over(.overtaken): "Ce lien n’est plus valable : le mot de passe ou l’adresse a changé depuis son envoi."
        case .over(.unknown): "Ce n’est pas un de nos codes. Copiez-le en entier depuis la lettre."
        case .password(.tooShort): "Le mot de passe doit avoir 8 caractères au moins."
        case .password(.tooLong): "Le mot de passe peut avoir 128 caractères au plus."
        case .password(.tooCommon):
            "Ce mot de passe est de ceux que l’on essaie en premier. Trois mots sans rapport valent mieux."
        case .addressTaken: "Un autre compte a cette adresse."
        case .changedLately:
            "L’adresse a été changée au cours des sept derniers jours, et la précédente peut encore être reprise."
        case .tooOften: "Il y a eu trop d’essais. Attendez une minute, puis réessayez."
        case .notNow: "Ce n’est pas possible pour le moment. Rien n’a été changé. Réessayez dans une minute."
        }
    }

    /// What a problem amounts to for somebody at a page.
    init(_ problem: Problem) {
        switch problem.type {
        case .linkOver: self = .over(.unknown)
        case .identifierAlreadyUsed: self = .addressTaken
        case .transitionNotAllowed: self = .changedLately
        case .tooManyTries, .rateLimited: self = .tooOften
        default: self = .notNow
        }
    }
}
