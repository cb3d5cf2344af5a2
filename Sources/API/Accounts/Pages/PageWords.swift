import Letters

/// What a page behind a letter's link says, in each language letters have.
struct PageWords: Sendable {
    let title: String
    let lead: String
    /// What stands on the button.
    let action: String
    let done: String
    let afterwards: String
}

extension LetterKind {
    /// Nil for a letter that asks for nothing.
    func pageWords(in language: WrittenLanguage) -> PageWords? {
        switch language {
        case .english: english
        case .german: german
        case .french: french
        }
    }

    /// Whether a password is chosen with it.
    var bringsPassword: Bool { self == .invitation || self == .passwordReset }

    private var english: PageWords? {
        switch self {
        case .invitation:
            PageWords(
                title: "Choose your password", lead: "Then your account is ready.", action: "Choose this password",
                done: "Your account is ready",
                afterwards: "Sign in with the address your letter came to and the password you have chosen.")
        case .passwordReset:
            PageWords(
                title: "Choose a new password", lead: "It takes the place of the one you have, and signs you out everywhere.",
                action: "Choose this password", done: "Your password has been changed",
                afterwards: "You have been signed out everywhere. Sign in with the new password.")
        case .passwordChanged: nil
        case .verification:
            PageWords(
                title: "Confirm your e-mail address", lead: "You say with it that the letter with this link has reached you.",
                action: "Confirm the address", done: "Your e-mail address is confirmed", afterwards: "You can close this page.")
        case .emailChange:
            PageWords(
                title: "Confirm your new e-mail address", lead: "From then on our letters go to this address.",
                action: "Confirm the new address", done: "This is your e-mail address now",
                afterwards: "If you sign in with your address, sign in with this one. We have told the address before.")
        case .emailChanged:
            PageWords(
                title: "Take your e-mail address back",
                lead: """
                    Do this if it was not you who gave your account another address. Everybody is signed out, the password is good no \
                    more, and we send a letter with which to choose a new one to this address.
                    """,
                action: "Take the address back", done: "The address is yours again",
                afterwards: "Everybody has been signed out. Choose a new password with the letter that is on its way to you.")
        }
    }

    private var german: PageWords? {
        switch self {
        case .invitation:
            PageWords(
                title: "Wählen Sie Ihr Passwort", lead: "Danach ist Ihr Konto bereit.", action: "Dieses Passwort wählen",
                done: "Ihr Konto ist bereit",
                afterwards: "Melden Sie sich mit der Adresse an, an die der Brief kam, und mit dem gewählten Passwort.")
        case .passwordReset:
            PageWords(
                title: "Wählen Sie ein neues Passwort", lead: "Es ersetzt Ihr bisheriges und meldet Sie überall ab.",
                action: "Dieses Passwort wählen", done: "Ihr Passwort wurde geändert",
                afterwards: "Sie wurden überall abgemeldet. Melden Sie sich mit dem neuen Passwort an.")
        case .passwordChanged: nil
        case .verification:
            PageWords(
                title: "Bestätigen Sie Ihre E-Mail-Adresse",
                lead: "Sie sagen damit, dass der Brief mit diesem Link Sie erreicht hat.",
                action: "Adresse bestätigen", done: "Ihre E-Mail-Adresse ist bestätigt",
                afterwards: "Sie können diese Seite schließen.")
        case .emailChange:
            PageWords(
                title: "Bestätigen Sie Ihre neue E-Mail-Adresse", lead: "Unsere Briefe gehen dann an diese Adresse.",
                action: "Neue Adresse bestätigen", done: "Das ist jetzt Ihre E-Mail-Adresse",
                afterwards: """
                    Wenn Sie sich mit Ihrer Adresse anmelden, dann jetzt mit dieser. Der bisherigen haben wir Bescheid gegeben.
                    """)
        case .emailChanged:
            PageWords(
                title: "Holen Sie Ihre E-Mail-Adresse zurück",
                lead: """
                    Tun Sie das, wenn nicht Sie Ihrem Konto eine andere Adresse gegeben haben. Alle werden abgemeldet, das Passwort \
                    gilt nicht mehr, und wir schicken einen Brief für ein neues Passwort an diese Adresse.
                    """,
                action: "Adresse zurückholen", done: "Die Adresse gehört wieder zu Ihrem Konto",
                afterwards: "Alle wurden abgemeldet. Wählen Sie ein neues Passwort mit dem Brief, der zu Ihnen unterwegs ist.")
        }
    }

    private var french: PageWords? {
        switch self {
        case .invitation:
            PageWords(
                title: "Choisissez votre mot de passe", lead: "Votre compte est prêt ensuite.", action: "Choisir ce mot de passe",
                done: "Votre compte est prêt",
                afterwards: "Connectez-vous avec l’adresse où la lettre est arrivée et le mot de passe que vous avez choisi.")
        case .passwordReset:
            PageWords(
                title: "Choisissez un nouveau mot de passe", lead: "Il remplace l’ancien et vous déconnecte partout.",
                action: "Choisir ce mot de passe", done: "Votre mot de passe a été changé",
                afterwards: "Vous avez été déconnecté partout. Connectez-vous avec le nouveau mot de passe.")
        case .passwordChanged: nil
        case .verification:
            PageWords(
                title: "Confirmez votre adresse e-mail",
                lead: "Vous dites ainsi que la lettre qui contient ce lien vous est parvenue.",
                action: "Confirmer l’adresse", done: "Votre adresse e-mail est confirmée",
                afterwards: "Vous pouvez fermer cette page.")
        case .emailChange:
            PageWords(
                title: "Confirmez votre nouvelle adresse e-mail", lead: "Nos lettres iront ensuite à cette adresse.",
                action: "Confirmer la nouvelle adresse", done: "Voilà votre adresse e-mail",
                afterwards: "Si vous vous connectez avec votre adresse, faites-le avec celle-ci. Nous avons prévenu l’ancienne.")
        case .emailChanged:
            PageWords(
                title: "Reprenez votre adresse e-mail",
                lead: """
                    Faites-le si ce n’est pas vous qui avez donné une autre adresse à votre compte. Tout le monde est déconnecté, le mot \
                    de passe n’est plus valable, et nous envoyons à cette adresse une lettre pour en choisir un nouveau.
                    """,
                action: "Reprendre l’adresse", done: "L’adresse est de nouveau la vôtre",
                afterwards: "Tout le monde a été déconnecté. Choisissez un nouveau mot de passe avec la lettre qui vous parvient."
            )
        }
    }
}

/// What stands beside the fields, the same on every page.
struct FormWords: Sendable {
    let code: String
    let codeHint: String
    let password: String
    let passwordHint: String
    let showPassword: String

    init(_ language: WrittenLanguage) {
        switch language {
        case .english:
            (code, codeHint) = ("Code from the letter", "It begins with mcl_ and stands in a line by itself.")
            (password, passwordHint) = ("New password", "8 characters at least. Three unrelated words are good.")
            showPassword = "Show the password"
        case .german:
            (code, codeHint) = ("Code aus dem Brief", "Er beginnt mit mcl_ und steht in einer eigenen Zeile.")
            (password, passwordHint) = ("Neues Passwort", "Mindestens 8 Zeichen. Drei Wörter ohne Zusammenhang sind gut.")
            showPassword = "Passwort anzeigen"
        case .french:
            (code, codeHint) = ("Code de la lettre", "Il commence par mcl_ et occupe une ligne à lui seul.")
            (password, passwordHint) = (
                "Nouveau mot de passe", "8 caractères au moins. Trois mots sans rapport conviennent bien."
            )
            showPassword = "Afficher le mot de passe"
        }
    }
}
