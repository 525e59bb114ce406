package dev.cracbuild.agent.live;

/** Writes the little JSON of the mailbox. */
final class Json {
    private Json() {
    }

    static StringBuilder string(StringBuilder to, String value) {
        to.append('"');
        for (int i = 0; i < value.length(); i++) {
            char c = value.charAt(i);
            if (c == '"' || c == '\\') {
                to.append('\\').append(c);
            } else if (c < ' ') {
                to.append("\\u00").append(Character.forDigit(c >> 4, 16)).append(Character.forDigit(c & 15, 16));
            } else {
                to.append(c);
            }
        }
        return to.append('"');
    }
}
