import Foundation

/// A line that is seen at once, also through a pipe: somebody may be waiting for it.
func say(_ line: String) {
    print(line)
    fflush(nil)
}
