import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;

/** A program that answers each line of its standard input with lines, the last of them empty. */
abstract class Program {
    abstract void answer(String[] words) throws Exception;

    void run() throws IOException {
        say("");
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            try {
                answer(line.split(" "));
            } catch (Exception e) {
                say("threw " + e);
            }
            say("");
        }
        System.exit(0);
    }

    static synchronized void say(Object text) {
        System.out.println(text);
        System.out.flush();
    }
}
