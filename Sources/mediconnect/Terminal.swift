import Foundation
import Identity

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// What somebody types and nobody sees.
enum Terminal {
    /// From a terminal twice and unseen, from anything else the first line.
    static func newPassword() throws -> Password {
        guard isatty(STDIN_FILENO) == 1 else {
            guard let line = readLine(strippingNewline: true) else { throw Complaint("the password is read from standard input") }
            return Password(line)
        }
        let first = try unseen("Password: ")
        guard try unseen("Once more: ") == first else { throw Complaint("that was not the same") }
        return Password(first)
    }

    private static func unseen(_ prompt: String) throws -> String {
        guard let typed = getpass(prompt) else { throw Complaint("no password was typed") }
        return String(cString: typed)
    }
}
