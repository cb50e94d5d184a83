import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.Security;
import java.util.Base64;
import java.util.Collections;
import org.bouncycastle.jce.provider.BouncyCastleProvider;

/**
 * Opens a bundle with Bouncy Castle, and prints its contents as JSON.
 *
 * <p>Arguments: the file, its password, and algorithms to remove first, such as {@code Mac.1.2.3}.
 */
class OpenBundle {
  public static void main(String[] arguments) throws Exception {
    var provider = new BouncyCastleProvider();
    for (var i = 2; i < arguments.length; i++) {
      remove(provider, arguments[i]);
    }
    // The key store takes its algorithms from the first provider that is installed.
    Security.insertProviderAt(provider, 1);
    var store = KeyStore.getInstance("PKCS12", provider);
    try (var file = Files.newInputStream(Path.of(arguments[0]))) {
      store.load(file, arguments[1].toCharArray());
    }
    var base64 = Base64.getEncoder();
    for (var alias : Collections.list(store.aliases())) {
      System.out.printf(
          "{\"alias\": \"%s\", \"certificate\": \"%s\", \"key\": \"%s\"}%n",
          alias,
          base64.encodeToString(store.getCertificate(alias).getEncoded()),
          base64.encodeToString(store.getKey(alias, null).getEncoded()));
    }
  }

  private static void remove(BouncyCastleProvider provider, String algorithm) {
    var dot = algorithm.indexOf('.');
    var type = algorithm.substring(0, dot);
    var name = algorithm.substring(dot + 1);
    var removed = 0;
    for (var prefix : new String[] {"", "Alg.Alias."}) {
      for (var infix : new String[] {".", ".OID."}) {
        if (provider.remove(prefix + type + infix + name) != null) {
          removed++;
        }
      }
    }
    if (removed == 0) {
      throw new IllegalArgumentException("not an algorithm of this provider: " + algorithm);
    }
  }
}
