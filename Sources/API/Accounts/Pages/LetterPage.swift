import Foundation
import Letters

/// A page behind a letter's link: one form, or what came of it. It stands alone: it loads nothing, and its policy lets nothing run or be
/// drawn but what this server has written, by its digest. The form is sent only when somebody presses its button, so a program that looks at
/// links in mail uses nothing up, also one that runs scripts.
///
/// The code stands behind the `#` of the link, which a browser keeps to itself. The page's script puts it into its field and takes it
/// out of the address; without a script it is typed or pasted, and everything works.
struct LetterPage: Sendable {
    let kind: LetterKind
    let language: WrittenLanguage

    /// The form, after a first try with why that came to nothing.
    func form(code: String = "", trouble: PageTrouble? = nil) -> String {
        guard let words = kind.pageWords(in: language) else { return "" }
        let labels = FormWords(language)
        let heading = "<h1>\(escaped(words.title))</h1>\n"
        guard trouble?.isWorthAnotherTry ?? true else { return document(title: words.title, heading + alert(trouble)) }
        var body = "\(heading)<p>\(escaped(words.lead))</p>\n\(alert(trouble))"
        body += """
            <form method="post" action="\(kind.path ?? "")?language=\(language.rawValue)">
            <div id="row">
            <label for="code">\(escaped(labels.code))</label>
            <input id="code" name="code" value="\(escaped(code))" required maxlength="128" autocomplete="off" autocapitalize="none" \
            spellcheck="false" aria-describedby="code-hint">
            <small id="code-hint">\(escaped(labels.codeHint))</small>
            </div>

            """
        if kind.bringsPassword {
            body += """
                <div>
                <label for="password">\(escaped(labels.password))</label>
                <input id="password" name="newPassword" type="password" required minlength="8" maxlength="128" \
                autocomplete="new-password" aria-describedby="password-hint">
                <small id="password-hint">\(escaped(labels.passwordHint))</small>
                <label id="show-row" hidden><input id="show" type="checkbox"> \(escaped(labels.showPassword))</label>
                </div>

                """
        }
        body += "<button>\(escaped(words.action))</button>\n</form>\n<script>\(Self.script)</script>\n"
        return document(title: words.title, body)
    }

    var done: String {
        guard let words = kind.pageWords(in: language) else { return "" }
        return document(title: words.done, "<h1>\(escaped(words.done))</h1>\n<p>\(escaped(words.afterwards))</p>\n")
    }

    private func alert(_ trouble: PageTrouble?) -> String {
        trouble.map { "<p role=\"alert\" class=\"alert\">\(escaped($0.words(in: language)))</p>\n" } ?? ""
    }

    private func document(title: String, _ body: String) -> String {
        Self.document(title: title, body, language: language.rawValue)
    }

    private func escaped(_ text: String) -> String { Self.escaped(text) }

    static func document(title: String, _ body: String, language: String) -> String {
        """
        <!doctype html>
        <html lang="\(language)">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="robots" content="noindex">
        <title>\(escaped(title))</title>
        <style>\(style)</style>
        </head>
        <body>
        <main>
        \(body)</main>
        </body>
        </html>

        """
    }

    static func escaped(_ text: String) -> String {
        text.reduce(into: "") { escaped, sign in
            switch sign {
            case "&": escaped += "&amp;"
            case "<": escaped += "&lt;"
            case ">": escaped += "&gt;"
            case "\"": escaped += "&quot;"
            case "'": escaped += "&#39;"
            default: escaped.append(sign)
            }
        }
    }

    // MARK: What it may run and draw

    /// Nothing from anywhere, and of what stands in the page these two texts alone (CSP level 2, hashes).
    static let policy = """
        default-src 'none'; style-src 'sha256-\(digest(style))'; script-src 'sha256-\(digest(script))'; \
        form-action 'self'; base-uri 'none'; frame-ancestors 'none'
        """

    private static func digest(_ text: String) -> String { Data(Fingerprint.digest(of: Array(text.utf8))).base64EncodedString() }

    /// Colours have a contrast of 4.5 and more in both schemes, and what is pressed is 44 points high (WCAG 2.2, 1.4.3 and 2.5.5).
    private static let style = """
        :root{color-scheme:light dark}
        body{margin:0;font:1.125rem/1.5 system-ui,sans-serif;color:#1b1b1f;background:#fff}
        main{max-width:30rem;margin:0 auto;padding:2rem 1.25rem}
        h1{font-size:1.5rem;line-height:1.25;margin:0 0 1rem}
        form>div{margin:1.5rem 0}
        label{display:block;font-weight:600;margin:0 0 .25rem}
        input:not([type=checkbox]){box-sizing:border-box;width:100%;min-height:2.75rem;padding:.5rem .75rem;font:inherit;\
        color:inherit;background:transparent;border:1px solid #6b6b76;border-radius:.375rem}
        input[type=checkbox]{width:1.25rem;height:1.25rem;vertical-align:-.2rem}
        small{display:block;margin:.25rem 0 .5rem;color:#4a4a55}
        #show-row{font-weight:400;padding:.5rem 0}
        button{width:100%;min-height:2.75rem;padding:.5rem 1rem;font:inherit;font-weight:600;color:#fff;background:#0b57a4;\
        border:0;border-radius:.375rem;cursor:pointer}
        button+button{margin-top:.75rem}
        :focus-visible{outline:3px solid #0b57a4;outline-offset:2px}
        .alert{padding:.75rem 1rem;border-left:.25rem solid #b3261e;background:#fceeee}
        [hidden]{display:none!important}
        @media(prefers-color-scheme:dark){body{color:#ececf1;background:#17171a}small{color:#b9b9c4}\
        input:not([type=checkbox]){border-color:#9a9aa6}.alert{background:#3a1d1c;border-color:#f2b8b5}\
        :focus-visible{outline-color:#8ab8f0}}
        """

    static let script = """
        (function(){var d=document,c=d.getElementById('code');
        function take(){var h=location.hash.slice(1);if(h){c.value=h;d.getElementById('row').hidden=true;
        history.replaceState(null,'',location.pathname+location.search)}}
        take();addEventListener('hashchange',take);
        var p=d.getElementById('password'),s=d.getElementById('show');
        if(s){d.getElementById('show-row').hidden=false;s.addEventListener('change',function(){p.type=s.checked?'text':'password'})}
        (c.value?p||d.querySelector('button'):c).focus()})();
        """
}
