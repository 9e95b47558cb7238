import numpy as np
from keras.models import Sequential
from keras.layers import Dense

data = np.random.random((100, 20))
classes = np.eye(10)[np.random.randint(10, size=100)]
labels = np.random.randint(2, size=(100, 1))

# for a multi-class classification problem
multi_class = model = Sequential([Dense(10, activation='softmax', input_dim=20)])
model.compile(optimizer='rmsprop',
              loss='categorical_crossentropy',
              metrics=['accuracy'])
history_of_multi_class = model.fit(data, classes, verbose=0)

# for a binary classification problem
binary = model = Sequential([Dense(1, activation='sigmoid', input_dim=20)])
model.compile(optimizer='rmsprop',
              loss='binary_crossentropy',
              metrics=['accuracy'])
history_of_binary = model.fit(data, labels, verbose=0)

# for a mean squared error regression problem
regression = model = Sequential([Dense(1, input_dim=20)])
model.compile(optimizer='rmsprop',
              loss='mse')
history_of_regression = model.fit(data, labels, verbose=0)

# for custom metrics
import keras.backend as K

def mean_pred(y_true, y_pred):
    return K.mean(y_pred)

def false_rates(y_true, y_pred):
    false_neg = K.mean(K.cast(y_true > K.round(y_pred), 'float32'))
    false_pos = K.mean(K.cast(y_true < K.round(y_pred), 'float32'))
    return {
        'false_neg': false_neg,
        'false_pos': false_pos,
    }

custom = model = Sequential([Dense(1, activation='sigmoid', input_dim=20)])
model.compile(optimizer='rmsprop',
              loss='binary_crossentropy',
              metrics=['accuracy', mean_pred, false_rates])
history_of_custom = model.fit(data, labels, verbose=0, validation_data=(data, labels))

# the same in the words of the R interface: optimizer_rmsprop(lr = 0.002), metrics = metric_binary_accuracy,
# custom_metric("mean_pred", function(y_true, y_pred) k_mean(y_pred))
from keras.losses import binary_crossentropy
from keras.metrics import binary_accuracy
from keras.optimizers import RMSprop

in_r = model = Sequential([Dense(1, activation='sigmoid', input_dim=20)])
model.compile(
    optimizer=RMSprop(lr=0.002),
    loss=binary_crossentropy,
    metrics=binary_accuracy
)
history_in_r = model.fit(data, labels, verbose=0)
