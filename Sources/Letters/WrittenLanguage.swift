/// What people are written in: letters about their accounts, messages about their visits, and the pages that both lead to.
public enum WrittenLanguage: String, Sendable, CaseIterable {
    case english = "en"
    case german = "de"
    case french = "fr"
}
